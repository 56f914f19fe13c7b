"""The edge of the torch side: what a batch must be, and who may carry a gradient."""

from contextlib import contextmanager

import torch

from hybridmatte.trimap import BACKGROUND_MAX, FOREGROUND_MIN

__all__ = ["check_batch", "check_image_batch", "check_no_gradient", "check_planes", "check_range", "check_together",
           "promote", "split_planes", "torch_threads"]


def check_batch(tensor, name, channels=1):
    """Refuse what is not a floating-point tensor (B, channels, H, W) with at least one pixel."""
    if not isinstance(tensor, torch.Tensor):
        raise TypeError(f"{name} is a {type(tensor).__name__}, expected a torch tensor (B, {channels}, H, W)")
    if not tensor.dtype.is_floating_point:
        raise TypeError(f"{name} has dtype {tensor.dtype}, expected floating point in [0, 1]")
    if tensor.ndim != 4 or tensor.shape[1] != channels or 0 in tensor.shape:
        raise ValueError(f"{name} has shape {tuple(tensor.shape)}, expected (B, {channels}, H, W), none of them 0")
    return tensor


def check_image_batch(image, name="image"):
    """Refuse what is not a batch of RGB images in [0, 1] without a gradient; half precision becomes float32."""
    check_batch(image, name, 3)
    check_no_gradient(image, name)
    image = promote(image)
    values = image.numpy() if image.device.type == "cpu" else image  # not to wake torch's threads before Numba's
    low, high = float(values.min()), float(values.max())
    if not (low >= 0.0 and high <= 1.0):
        came = "NaN" if low != low else f"values from {low!r} to {high!r}"
        raise ValueError(f"{name} has {came}, expected finite RGB in [0, 1], before any "
                         "normalisation by a data set's mean")
    return image


def check_no_gradient(tensor, name):
    """Refuse a tensor that requires a gradient where none can flow."""
    if tensor.requires_grad:
        raise ValueError(f"{name} requires a gradient, but none flows to it; pass {name}.detach()")
    return tensor


def check_together(**tensors):
    """Check that all tensors fit the first in batch, height, width, device and dtype; None is let through.

    image, foreground and background have 3 channels, all else has 1.
    """
    (first, reference), *others = tensors.items()
    check_batch(reference, first, _channels(first))
    for name, tensor in others:
        if tensor is None:
            continue
        check_batch(tensor, name, _channels(name))
        if tensor.shape[0] != reference.shape[0] or tensor.shape[2:] != reference.shape[2:]:
            raise ValueError(f"{name} has shape {tuple(tensor.shape)} but {first} has shape {tuple(reference.shape)}, "
                             "expected the same batch, height and width")
        if tensor.device != reference.device:
            raise ValueError(f"{name} is on {tensor.device} but {first} is on {reference.device}, expected one device")
        if tensor.dtype != reference.dtype:
            raise TypeError(f"{name} has dtype {tensor.dtype} but {first} has dtype {reference.dtype}, expected one "
                            "dtype")


def _channels(name):
    return 3 if name in ("image", "foreground", "background") else 1


def check_planes(trimap, prior, confidence):
    """Refuse values out of range, and an image (B, 1, H, W) whose trimap and prior leave its answer undefined."""
    for name, plane, high in (("trimap", trimap, 1.0), ("prior", prior, 1.0), ("confidence", confidence, float("inf"))):
        if plane is not None:
            check_range(plane, name, high)
    for index, plane in enumerate(trimap):
        is_foreground, is_background, is_unknown = split_planes(plane)
        is_drawn = prior is not None and bool((confidence[index] * is_unknown).any())
        if is_unknown.any() and not is_drawn and not (is_foreground.any() and is_background.any()):
            missing = "background" if is_foreground.any() else "foreground"
            raise ValueError(f"trimap has no {missing} pixel in image {index} of the batch, expected at least one, or "
                             "a prior with a positive confidence")


def check_range(tensor, name, high=1.0):
    """Refuse values below 0, above `high`, infinite or NaN."""
    low, top = (float(value) for value in tensor.detach().aminmax())
    if not (low >= 0.0 and top <= high and top < float("inf")):
        came = "NaN" if low != low else f"values from {low!r} to {top!r}"
        raise ValueError(f"{name} has {came}, expected finite ones of at least 0" + " and at most 1" * (high == 1.0))


def split_planes(trimap):
    """Return the foreground, background and unknown pixels of a trimap, boolean tensors of its shape."""
    is_foreground, is_background = trimap >= FOREGROUND_MIN, trimap <= BACKGROUND_MAX
    return is_foreground, is_background, ~(is_foreground | is_background)


@contextmanager
def torch_threads():
    """Let Numba use as many threads as torch, and leave torch's number as it was.

    Both may run on one OpenMP library, in which each loop of Numba's sets the number of threads for torch too: a loss
    would take torch from one thread to two, and change the rounding of every later step.
    """
    from hybridmatte.linalg.threads import thread_limit

    threads = torch.get_num_threads()
    try:
        with thread_limit(threads):
            yield
    finally:
        torch.set_num_threads(threads)


def promote(tensor):
    """Return a tensor of half precision as float32, any other as it is."""
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor
