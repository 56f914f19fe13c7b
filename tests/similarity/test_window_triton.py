"""The window top-K of CUDA tensors: its Triton kernel in the interpreter, and on a device where there is one."""

import pytest
import torch
from torch.nn.functional import pad

from hybridmatte.linalg import _devices_torch
from hybridmatte.similarity._window_torch import topk_shifts
from hybridmatte.similarity.window import window_topk
from tests.triton_interpreter import run_interpreted


@pytest.fixture
def a_gpu(monkeypatch):
    """Return a function that says what a GPU is capable of; what was found before is forgotten."""
    monkeypatch.setattr(_devices_torch, "find_spec", lambda _: True)
    monkeypatch.delenv("CC", raising=False)
    _devices_torch._has_triton.cache_clear()
    yield lambda capability: monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    _devices_torch._has_triton.cache_clear()


@pytest.mark.parametrize(("capability", "is_supported"), [((6, 1), False), ((7, 0), True), ((9, 0), True)])
def test_old_devices_go_by_tensor_operations(capability, is_supported, a_gpu, monkeypatch):
    """Triton compiles nothing for a GPU of before 2017, on which the losses ran without it."""
    a_gpu(capability)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/gcc")
    assert _devices_torch.runs_triton(torch.device("cuda:0")) == is_supported
    assert not _devices_torch.runs_triton(torch.device("cpu"))


def test_without_a_c_compiler_tensor_operations_take_over_and_say_so(a_gpu, monkeypatch):
    """A slim container has none; Triton fails there at its first kernel."""
    a_gpu((9, 0))
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.warns(UserWarning, match="no C compiler"):
        assert not _devices_torch.runs_triton(torch.device("cuda:0"))
    monkeypatch.setenv("CC", "cc")
    _devices_torch._has_triton.cache_clear()
    assert _devices_torch.runs_triton(torch.device("cuda:0"))


def test_in_the_interpreter():
    run_interpreted("similarity/interpreted_window.py")


@pytest.mark.gpu
@pytest.mark.parametrize("padding", ["cut", "zeros"])
@pytest.mark.parametrize(
    ("size", "window_size", "n_neighbors"),
    [
        pytest.param((3, 3, 37, 53), 11, None, id="batch of odd sizes"),
        pytest.param((2, 3, 37, 53), 3, None, id="smallest window"),
        pytest.param((1, 3, 5, 4), 31, 20, id="window larger than the image"),
        pytest.param((1, 3, 1, 1), 3, 1, id="one pixel"),
        pytest.param((1, 3, 40, 41), 21, 64, id="most neighbours of the kernel"),
        pytest.param((1, 3, 40, 41), 21, 65, id="more neighbours than the kernel takes"),
    ],
)
@pytest.mark.parametrize("n_levels", [3, 256], ids=["ties", "bytes"])
def test_same_bits_on_the_device(size, window_size, n_neighbors, padding, n_levels):
    image = torch.randint(n_levels, size, generator=torch.Generator().manual_seed(20)) / (n_levels - 1)
    here = window_topk(image, window_size, n_neighbors=n_neighbors, padding=padding)
    there = window_topk(image.cuda(), window_size, n_neighbors=n_neighbors, padding=padding)
    assert torch.equal(there.offsets.cpu(), here.offsets)
    assert torch.equal(there.distances.cpu(), here.distances)


@pytest.mark.gpu
@pytest.mark.parametrize("scale", [1.0, 1e-21], ids=["noise", "subnormal squares"])
def test_kernel_and_tensor_operations_agree_on_the_device(scale):
    image = scale * torch.rand((4, 3, 200, 300), generator=torch.Generator("cuda").manual_seed(20), device="cuda")
    found, expected = window_topk(image), topk_shifts(pad(image, (0,) * 4), 11, 0, 11)
    assert torch.equal(found.offsets, expected[1])
    assert torch.equal(found.distances, expected[0])


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_other_dtypes_and_strides_on_the_device(dtype):
    image = torch.rand((2, 21, 30, 3), generator=torch.Generator().manual_seed(20)).to(dtype).permute(0, 3, 1, 2)
    here, there = window_topk(image, 5), window_topk(image.cuda()[..., :30], 5)
    assert torch.equal(there.offsets.cpu(), here.offsets)


@pytest.mark.gpu
def test_a_search_adds_little_memory():
    """The result itself has 8 bytes for each pixel and neighbour; tensor operations need keys of 8 for each place."""
    image = torch.rand((2, 3, 256, 256), device="cuda")
    window_topk(image)
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    found = window_topk(image)
    added = torch.cuda.max_memory_allocated() - before
    assert added <= 1.05 * (found.distances.nbytes + found.offsets.nbytes) + image.nbytes
