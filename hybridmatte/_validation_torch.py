"""Input checks for tensors: shape, dtype, device, range of values, and which inputs may carry a gradient."""

import os
from contextlib import AbstractContextManager

import torch

from hybridmatte.linalg.threads import thread_limit
from hybridmatte.trimap import BACKGROUND_MAX, FOREGROUND_MIN

__all__ = [
    "check_batch",
    "check_image_batch",
    "check_no_gradient",
    "check_planes",
    "check_range",
    "check_together",
    "promote",
    "split_planes",
    "torch_threads",
]

COLOR_LAYERS = ("image", "foreground", "background")  # names of the inputs with three channels


def _use_one_thread() -> None:
    """Run torch on one thread, as workers of its data loaders do."""
    torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):  # a forked process has no threads of OpenMP, and would wait for them for ever
    os.register_at_fork(after_in_child=_use_one_thread)


def check_batch(tensor: object, name: str, channels: int = 1) -> torch.Tensor:
    """Return a floating-point tensor (B, channels, H, W) with at least one pixel; refuse anything else."""
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"{name} is a {type(tensor).__name__}, expected a torch tensor (B, {channels}, H, W)")
    if not tensor.dtype.is_floating_point:
        raise TypeError(f"{name} has dtype {tensor.dtype}, expected floating point in [0, 1]")
    if tensor.ndim != 4 or tensor.shape[1] != channels or 0 in tensor.shape:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected (B, {channels}, H, W) without a side of 0")
    return tensor


def check_image_batch(image: torch.Tensor, name: str = "image") -> torch.Tensor:
    """Return a batch of RGB images in [0, 1] that requires no gradient; half precision becomes float32."""
    check_batch(image, name, 3)
    check_no_gradient(image, name)
    image = promote(image)
    low, high = torch.stack(image.aminmax()).tolist()  # one copy to the host, which waits for the device
    if not (low >= 0.0 and high <= 1.0):
        came = "NaN" if low != low else f"values from {low!r} to {high!r}"
        raise ValueError(
            f"{name} has {came}, expected finite RGB in [0, 1], before any normalisation by a data set's mean"
        )
    return image


def check_no_gradient(tensor: torch.Tensor, name: str) -> torch.Tensor:
    """Return a tensor of an input without a gradient; refuse one that requires a gradient."""
    if tensor.requires_grad:
        raise ValueError(f"{name} requires a gradient, but none flows to it; pass {name}.detach()")
    return tensor


def check_together(**tensors: torch.Tensor | None) -> None:
    """Refuse tensors that differ from the first in batch, height, width, device or dtype; None is skipped.

    The names image, foreground and background have 3 channels, all other names have 1.
    """
    (first, reference), *others = tensors.items()
    reference = check_batch(reference, first, _channels(first))
    for name, tensor in others:
        if tensor is None:
            continue
        check_batch(tensor, name, _channels(name))
        if tensor.shape[0] != reference.shape[0] or tensor.shape[2:] != reference.shape[2:]:
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)} but {first} has shape {tuple(reference.shape)}, "
                "expected the same batch, height and width"
            )
        if tensor.device != reference.device:
            raise ValueError(f"{name} is on {tensor.device} but {first} is on {reference.device}, expected one device")
        if tensor.dtype != reference.dtype:
            raise TypeError(
                f"{name} has dtype {tensor.dtype} but {first} has dtype {reference.dtype}, expected one dtype"
            )


def _channels(name: str) -> int:
    """Return the number of channels of the input of that name."""
    return 3 if name in COLOR_LAYERS else 1


def check_planes(trimap: torch.Tensor, prior: torch.Tensor | None, confidence: torch.Tensor | None) -> None:
    """Refuse values out of range, and an image whose trimap and prior leave its alpha undefined.

    All are (B, 1, H, W). Alpha is defined where the trimap has foreground and background pixels, where it has no
    unknown pixel, and where the prior has a positive confidence on an unknown pixel.
    """
    for name, plane, high in (("trimap", trimap, 1.0), ("prior", prior, 1.0), ("confidence", confidence, float("inf"))):
        if plane is not None:
            check_range(plane, name, high)
    for index, plane in enumerate(trimap):
        is_foreground, is_background, is_unknown = split_planes(plane)
        has_prior = prior is not None and confidence is not None and bool((confidence[index] * is_unknown).any())
        if is_unknown.any() and not has_prior and not (is_foreground.any() and is_background.any()):
            missing = "background" if is_foreground.any() else "foreground"
            raise ValueError(
                f"trimap has no {missing} pixel in image {index} of the batch, expected at least one, or "
                "a prior with a positive confidence"
            )


def check_range(tensor: torch.Tensor, name: str, high: float = 1.0) -> None:
    """Refuse values below 0, above `high`, infinite or NaN."""
    low, top = torch.stack(tensor.detach().aminmax()).tolist()
    if not (low >= 0.0 and top <= high and top < float("inf")):
        came = "NaN" if low != low else f"values from {low!r} to {top!r}"
        raise ValueError(f"{name} has {came}, expected finite ones of at least 0" + " and at most 1" * (high == 1.0))


def split_planes(trimap: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the foreground, background and unknown pixels of a trimap, boolean tensors of its shape."""
    is_foreground, is_background = trimap >= FOREGROUND_MIN, trimap <= BACKGROUND_MAX
    return is_foreground, is_background, ~(is_foreground | is_background)


def torch_threads() -> AbstractContextManager[None]:
    """Run kernels on at most as many threads as torch uses."""
    return thread_limit(torch.get_num_threads())


def promote(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor of half precision as float32, any other tensor unchanged."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
