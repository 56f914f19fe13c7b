"""The window top-K of tensors has the bits of the array's, by the CPU kernel and by the operations of other devices."""

import numpy as np
import pytest
import torch

from hybridmatte.similarity import _window_torch
from hybridmatte.similarity._window_torch import topk_shifts
from hybridmatte.similarity.window import window_topk
from tests.synthetic import soft_disk

IMAGES = {
    "noise": lambda rng: rng.random((2, 19, 23, 3)),
    "ties": lambda rng: rng.integers(0, 3, (2, 19, 23, 3)) / 2,
    "flat": lambda _: np.full((1, 12, 14, 3), 0.4),
    "scene": lambda _: soft_disk().image[None],
}


@pytest.mark.parametrize("padding", ["cut", "zeros"])
@pytest.mark.parametrize("source", IMAGES)
@pytest.mark.parametrize("by_shifts", [False, True], ids=["kernel", "shifts"])
def test_same_bits_as_the_array(source, padding, by_shifts, rng, monkeypatch):
    images = IMAGES[source](rng).astype(np.float32)
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2)
    if by_shifts:
        monkeypatch.setattr(_window_torch, "CHUNK_BYTES", 60_000)  # several strips
        margin = 3 if padding == "zeros" else 0
        distances, offsets = topk_shifts(torch.nn.functional.pad(tensor, (margin,) * 4), 7, margin, 7)
    else:
        distances, offsets, *about = window_topk(tensor, 7, padding=padding)
        assert about == [7, padding]
    for index, image in enumerate(images):
        expected = window_topk(image, 7, padding=padding)
        assert np.array_equal(offsets[index].numpy(), expected.offsets)
        assert np.array_equal(distances[index].numpy(), expected.distances)


@pytest.mark.gpu
def test_same_bits_on_the_device(rng):
    images = torch.from_numpy(IMAGES["ties"](rng).astype(np.float32)).permute(0, 3, 1, 2)
    here, there = window_topk(images, 11), window_topk(images.cuda(), 11)
    assert torch.equal(here.distances, there.distances.cpu())
    assert torch.equal(here.offsets, there.offsets.cpu())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            lambda image: image.permute(0, 2, 3, 1),
            ValueError,
            r"image has shape \(2, 19, 23, 3\), expected \(B, 3, H, W\)",
        ),
        (lambda image: (255 * image).byte(), TypeError, "image has dtype torch.uint8, expected floating point"),
        (lambda image: 255 * image, ValueError, "expected finite RGB in"),
        (lambda image: image / 0, ValueError, "expected finite RGB in"),
        (lambda image: image.requires_grad_(), ValueError, "image requires a gradient, but none flows to it"),
        (lambda image: image[:, :, :, :0], ValueError, r"image has shape \(2, 3, 19, 0\)"),
    ],
    ids=["channels last", "bytes", "range", "infinite", "gradient", "empty"],
)
def test_bad_tensors(change, error, message, rng):
    image = torch.from_numpy(IMAGES["noise"](rng)).permute(0, 3, 1, 2)
    with pytest.raises(error, match=message):
        window_topk(change(image))


def test_a_subclass_of_tensor_is_a_tensor(rng):
    class OwnTensor(torch.Tensor):
        """A subclass outside of torch's own modules."""

    image = torch.from_numpy(IMAGES["noise"](rng)).permute(0, 3, 1, 2)
    assert torch.equal(window_topk(image.as_subclass(OwnTensor)).offsets, window_topk(image).offsets)


def test_half_precision_is_promoted(rng):
    image = torch.from_numpy(IMAGES["noise"](rng)).permute(0, 3, 1, 2).half()
    assert torch.equal(window_topk(image).offsets, window_topk(image.float()).offsets)
