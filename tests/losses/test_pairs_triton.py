"""The losses over similar pixels on CUDA: their Triton kernels in the interpreter, and on a device if any."""

import pytest
import torch

from hybridmatte import losses, window_topk
from hybridmatte.losses.affinity import affinity_by_tensors
from hybridmatte.losses.pairs import FORMS, penalty_by_tensors
from tests.losses.cases import PAIR_LOSSES, batch
from tests.triton_interpreter import run_interpreted

every_pair_loss = pytest.mark.parametrize("name", PAIR_LOSSES)


def test_in_the_interpreter():
    run_interpreted("losses/interpreted_pairs.py")


def on_device(data):
    return {name: tensor.cuda() for name, tensor in data.items()}


def value_and_gradient(loss, alpha, *arguments, **options):
    alpha = alpha.clone().requires_grad_()
    value = loss(alpha, *arguments, **options)
    value.backward()
    return value.item(), alpha.grad.cpu()


@pytest.mark.gpu
@every_pair_loss
@pytest.mark.parametrize("padding", ["cut", "zeros"])
@pytest.mark.parametrize(
    ("size", "window_size"),
    [
        pytest.param((3, 61, 47), 11, id="batch of odd sizes"),
        pytest.param((1, 4, 6), 5, id="fewer pixels than a program"),
        pytest.param((2, 128, 128), 3, id="whole programs"),
    ],
)
class TestOnTheDevice:
    def test_same_as_on_the_cpu(self, name, padding, size, window_size):
        data = batch(size, dtype=torch.float32)
        options = {"window_size": window_size, "padding": padding}
        expected = value_and_gradient(PAIR_LOSSES[name], data["alpha"], data["image"], **options)
        data = on_device(data)
        found = value_and_gradient(PAIR_LOSSES[name], data["alpha"], data["image"], **options)
        assert found[0] == pytest.approx(expected[0], rel=1e-6)
        assert torch.allclose(found[1], expected[1], rtol=1e-5, atol=1e-8)

    def test_same_as_tensor_operations(self, name, padding, size, window_size):
        data = on_device(batch(size, dtype=torch.float32))
        similarity = window_topk(data["image"], window_size, padding=padding)
        if name == "affinity":
            expected = value_and_gradient(affinity_by_tensors, data["alpha"], similarity)
        else:
            by_tensors = lambda alpha: penalty_by_tensors(FORMS[name], alpha, similarity)  # noqa: E731
            expected = value_and_gradient(by_tensors, data["alpha"])
        found = value_and_gradient(PAIR_LOSSES[name], data["alpha"], data["image"], similarity=similarity)
        assert found[0] == pytest.approx(expected[0], rel=1e-6)
        assert torch.allclose(found[1], expected[1], rtol=1e-5, atol=1e-8)


@pytest.mark.gpu
@every_pair_loss
def test_strided_tensors_on_the_device(name):
    data = on_device(batch((2, 30, 41), dtype=torch.float32))
    expected = value_and_gradient(PAIR_LOSSES[name], data["alpha"], data["image"])
    alpha, image = (
        data[key].permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).transpose(2, 3).contiguous().transpose(2, 3)
        for key in ("alpha", "image")
    )
    found = value_and_gradient(PAIR_LOSSES[name], alpha, image)
    assert found[0] == expected[0]
    assert torch.allclose(found[1], expected[1], rtol=1e-5, atol=1e-8)


@pytest.mark.gpu
@every_pair_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_other_dtypes_on_the_device(name, dtype):
    data = {key: tensor.to(dtype) for key, tensor in batch((2, 30, 41), dtype=torch.float32).items()}
    expected = PAIR_LOSSES[name](data["alpha"], data["image"])
    data = on_device(data)
    alpha = data["alpha"].requires_grad_()
    found = PAIR_LOSSES[name](alpha, data["image"])
    found.backward()
    assert found.dtype == alpha.grad.dtype == dtype
    assert found.item() == pytest.approx(expected.item(), rel=1e-9 if dtype == torch.float64 else 1e-2)


@pytest.mark.gpu
@every_pair_loss
def test_autocast_on_the_device_changes_nothing(name):
    data = on_device(batch((2, 30, 41), dtype=torch.float32))
    expected = PAIR_LOSSES[name](data["alpha"], data["image"])
    with torch.autocast("cuda", dtype=torch.bfloat16):
        found = PAIR_LOSSES[name](data["alpha"], data["image"])
    assert found.dtype == torch.float32
    assert found.item() == expected.item()


@pytest.mark.gpu
@every_pair_loss
def test_equal_bits_where_torch_is_deterministic(name):
    data = on_device(batch((2, 130, 141), dtype=torch.float32))
    torch.use_deterministic_algorithms(True)
    try:
        first, second = (value_and_gradient(PAIR_LOSSES[name], data["alpha"], data["image"]) for _ in range(2))
    finally:
        torch.use_deterministic_algorithms(False)
    assert first[0] == second[0]
    assert torch.equal(first[1], second[1])


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@every_pair_loss
def test_a_given_similarity_needs_no_synchronisation(name):
    """The host does not wait for the device, forward or backward; the search alone reads the image's range back."""
    data = on_device(batch((2, 30, 41), dtype=torch.float32))
    similarity = window_topk(data["image"])
    alpha = data["alpha"].requires_grad_()
    PAIR_LOSSES[name](alpha, data["image"], similarity=similarity).backward()  # compiles the kernel
    torch.cuda.set_sync_debug_mode("error")
    try:
        PAIR_LOSSES[name](alpha, data["image"], similarity=similarity).backward()
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
def test_memory_is_that_of_pairs_and_planes():
    data = on_device(batch((4, 256, 256), dtype=torch.float32))
    alpha = data["alpha"].requires_grad_()
    losses.ddc_loss(alpha, data["image"]).backward()
    alpha.grad = None
    pairs = 8 * 11 * alpha.numel()
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    losses.ddc_loss(alpha, data["image"]).backward()
    assert torch.cuda.max_memory_allocated() - before <= pairs + 8 * alpha.nbytes
