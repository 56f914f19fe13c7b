"""Tests of the Triton kernels of the pair losses in their interpreter; `test_pairs_triton.py` runs them."""

import pytest
import torch

from hybridmatte import window_topk
from hybridmatte.losses import _similar
from tests.losses.cases import PAIR_LOSSES, batch

every_pair_loss = pytest.mark.parametrize("name", PAIR_LOSSES)


@pytest.fixture
def with_kernels(monkeypatch):
    """Let the losses of float32 tensors on the CPU go by the Triton kernels."""
    monkeypatch.setattr(_similar, "_sum_cpu", _similar._sum_cuda)


def value_and_gradient(name, data, similarity, alpha=None):
    alpha = (data["alpha"] if alpha is None else alpha).clone().requires_grad_()
    value = PAIR_LOSSES[name](alpha, data["image"], similarity=similarity)
    (3.0 * value).backward()
    return value.item(), alpha.grad


@every_pair_loss
@pytest.mark.parametrize("padding", ["cut", "zeros"])
def test_same_as_the_kernels_of_the_cpu(name, padding, monkeypatch):
    data = batch((2, 9, 15), dtype=torch.float32)
    similarity = window_topk(data["image"], 3, padding=padding)
    expected = value_and_gradient(name, data, similarity)
    monkeypatch.setattr(_similar, "_sum_cpu", _similar._sum_cuda)
    found = value_and_gradient(name, data, similarity)
    assert found[0] == pytest.approx(expected[0], rel=1e-6)
    assert torch.allclose(found[1], expected[1], rtol=1e-5, atol=1e-8)
    if name != "affinity":
        assert torch.equal(found[1], expected[1])  # sums of whole slopes are exact


@every_pair_loss
def test_kinks_have_the_slopes_of_the_cpu(name, monkeypatch):
    """Alphas and colours of few levels put many pairs on a kink, where x = d or x = 0."""
    data = batch((1, 8, 9), dtype=torch.float32)
    data["image"] = (data["image"][:, :1] * 3).floor().expand(-1, 3, -1, -1) / 4
    data["alpha"] = window_topk(data["image"], 3).distances[..., 2][:, None]
    similarity = window_topk(data["image"], 3)
    expected = value_and_gradient(name, data, similarity)
    monkeypatch.setattr(_similar, "_sum_cpu", _similar._sum_cuda)
    found = value_and_gradient(name, data, similarity)
    assert found[0] == pytest.approx(expected[0], rel=1e-6)
    assert torch.allclose(found[1], expected[1], rtol=1e-5, atol=1e-8)


@pytest.mark.usefixtures("with_kernels")
def test_strided_inputs_and_wide_offsets():
    data = batch((1, 8, 9), dtype=torch.float32)
    similarity = window_topk(data["image"], 3)
    expected = value_and_gradient("ddc", data, similarity)
    alpha = data["alpha"].transpose(2, 3).contiguous().transpose(2, 3)
    strided = similarity._replace(
        distances=similarity.distances.transpose(1, 2).contiguous().transpose(1, 2), offsets=similarity.offsets.long()
    )
    found = value_and_gradient("ddc", data, strided, alpha)
    assert found[0] == expected[0]
    assert torch.equal(found[1], expected[1])


@every_pair_loss
@pytest.mark.usefixtures("with_kernels")
def test_an_offset_out_of_the_image_makes_the_loss_nan(name):
    data = batch((1, 4, 5), dtype=torch.float32)
    similarity = window_topk(data["image"], 3)
    similarity.offsets[0, 0, 0, 1] = -1
    assert PAIR_LOSSES[name](data["alpha"], data["image"], similarity=similarity).isnan()


@every_pair_loss
@pytest.mark.usefixtures("with_kernels")
def test_nan_in_alpha_makes_the_loss_nan(name):
    data = batch((1, 4, 5), dtype=torch.float32)
    data["alpha"][0, 0, 2, 2] = torch.nan
    assert PAIR_LOSSES[name](data["alpha"], data["image"], window_size=3).isnan()


@pytest.mark.usefixtures("with_kernels")
def test_the_pair_losses_keep_their_kernel_where_torch_is_to_be_deterministic():
    data = batch((1, 4, 5), dtype=torch.float32)
    similarity = window_topk(data["image"], 3)
    expected = value_and_gradient("ddc", data, similarity)
    torch.use_deterministic_algorithms(True)
    try:
        found = value_and_gradient("ddc", data, similarity)
    finally:
        torch.use_deterministic_algorithms(False)
    assert found[0] == expected[0]
    assert torch.equal(found[1], expected[1])


class NoKernel:
    """Stands for a Triton kernel, and does nothing."""

    def __getitem__(self, grid):
        return lambda *_, **__: None


@every_pair_loss
def test_nothing_is_read_back_from_the_device(name, monkeypatch):
    """Tensors of the meta device have no values, so that reading one, forward or backward, is an error."""
    monkeypatch.setattr(_similar, "runs_triton", lambda _: True)
    monkeypatch.setattr("hybridmatte.losses._pairs_triton._sum_kernel", NoKernel())
    image = torch.rand(2, 3, 8, 9)
    similarity = window_topk(image, 3, padding="zeros")
    similarity = similarity._replace(distances=similarity.distances.to("meta"), offsets=similarity.offsets.to("meta"))
    for dtype in (torch.float16, torch.float32, torch.float64):
        alpha = torch.empty(2, 1, 8, 9, device="meta", dtype=dtype, requires_grad=True)
        value = PAIR_LOSSES[name](alpha, image.to("meta", dtype), similarity=similarity)
        value.backward()
        assert (value.shape, value.dtype) == ((), dtype)
        assert (alpha.grad.shape, alpha.grad.dtype) == (alpha.shape, dtype)
