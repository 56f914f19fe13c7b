"""Where Triton kernels take the place of tensor operations."""

import os
import shutil
import warnings
from functools import cache
from importlib.util import find_spec

import torch

__all__ = ["runs_triton"]

OLDEST_GPU = (7, 0)  # compute capability from which on Triton compiles
COMPILERS = ("gcc", "clang")  # Triton builds the part of a kernel that runs on the host with one of these, or with $CC


def runs_triton(device: torch.device) -> bool:
    """Return whether Triton kernels run on a device: on CUDA, where torch was installed with Triton."""
    return device.type == "cuda" and _has_triton(device)


@cache
def _has_triton(device: torch.device) -> bool:
    """Return whether Triton is installed, which builds of torch for some systems are without, and supports a GPU.

    Warns
    -----
    UserWarning
        If only a C compiler is missing.
    """
    if find_spec("triton") is None or torch.cuda.get_device_capability(device) < OLDEST_GPU:
        return False
    if "CC" in os.environ or any(map(shutil.which, COMPILERS)):
        return True
    warnings.warn(
        "Triton has no C compiler (gcc, clang or CC), so that CUDA tensors go by slower operations of torch",
        UserWarning,
        stacklevel=2,
    )
    return False
