"""Where Triton kernels take the place of tensor operations."""

from functools import cache
from importlib.util import find_spec

import torch

__all__ = ["runs_triton"]

OLDEST_GPU = (7, 0)  # compute capability from which on Triton compiles


def runs_triton(device: torch.device) -> bool:
    """Return whether Triton kernels run on a device: on CUDA, where torch was installed with Triton."""
    return device.type == "cuda" and _has_triton(device)


@cache
def _has_triton(device: torch.device) -> bool:
    """Return whether Triton is installed, which builds of torch for some systems are without, and supports a GPU."""
    return find_spec("triton") is not None and torch.cuda.get_device_capability(device) >= OLDEST_GPU
