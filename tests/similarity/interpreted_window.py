"""Tests of the Triton kernel in its interpreter; `test_window_triton.py` runs them."""

import contextlib

import pytest
import torch
from torch.nn.functional import pad

from hybridmatte.similarity import _window_torch
from hybridmatte.similarity._window_torch import topk_shifts
from hybridmatte.similarity._window_triton import topk_triton
from hybridmatte.similarity.window import window_topk

IMAGES = {
    "noise": lambda size, draw: torch.rand(size, generator=draw),
    "ties": lambda size, draw: torch.randint(3, size, generator=draw) / 2,
    "flat": lambda size, _: torch.full(size, 0.4),
    "faint": lambda size, draw: 1e-21 * torch.rand(size, generator=draw),  # squared distances are subnormal
}


@pytest.mark.parametrize(
    ("source", "size", "window_size", "margin", "n_neighbors"),
    [
        pytest.param("ties", (2, 3, 10, 13), 5, 0, 5, id="ties, two programs for each image"),
        pytest.param("ties", (1, 3, 6, 7), 5, 2, 5, id="ties, zeros"),
        pytest.param("noise", (1, 3, 4, 3), 9, 0, 8, id="window larger than the image"),
        pytest.param("noise", (1, 3, 3, 2), 9, 4, 11, id="window larger than the image, zeros"),
        pytest.param("noise", (3, 3, 1, 1), 3, 1, 9, id="one pixel, all places"),
        pytest.param("noise", (1, 3, 2, 31), 3, 0, 1, id="one neighbour"),
        pytest.param("flat", (1, 3, 5, 6), 3, 0, 3, id="flat"),
        pytest.param("faint", (1, 3, 5, 6), 3, 1, 3, id="faint"),
    ],
)
def test_same_bits_as_tensor_operations(source, size, window_size, margin, n_neighbors):
    image = IMAGES[source](size, torch.Generator().manual_seed(20))
    expected = topk_shifts(pad(image, (margin,) * 4), window_size, margin, n_neighbors)
    found = topk_triton(image, window_size, margin, n_neighbors)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_images_that_are_not_contiguous():
    image = torch.rand((1, 9, 8, 6), generator=torch.Generator().manual_seed(20)).permute(0, 3, 1, 2)[:, ::2]
    found, expected = topk_triton(image, 3, 0, 3), topk_triton(image.contiguous(), 3, 0, 3)
    assert torch.equal(found[1], expected[1])


@pytest.mark.parametrize("n_neighbors", [3, 65])
def test_the_public_function_takes_the_kernel_up_to_its_limit(n_neighbors, monkeypatch):
    image = torch.rand((1, 3, 4, 5), generator=torch.Generator().manual_seed(20))
    monkeypatch.setattr(_window_torch, "runs_triton", lambda _: True)
    calls = []
    for name, module in (("topk_triton", "_window_triton"), ("fill_topk", "_window_torch")):
        monkeypatch.setattr(f"hybridmatte.similarity.{module}.{name}", lambda *_, name=name: calls.append(name))
    with contextlib.suppress(TypeError):  # the replaced kernel returns nothing
        window_topk(image, 9, n_neighbors=n_neighbors, padding="zeros")
    assert calls == ["topk_triton" if n_neighbors <= 64 else "fill_topk"]
