"""Every input check and its error sentence: `<argument> <what came>, expected <what>`."""

from numbers import Integral, Real
from os import PathLike

import numpy as np

_SCALE = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0, np.dtype(bool): 1.0}
ROUNDING = 1e-5  # a mean or an interpolation of ones may be as much above
ASPECT = 0.02  # relative difference in aspect ratio that a plane may have


def is_torch(array):
    """Tell whether `array` is a torch tensor, without importing torch."""
    return type(array).__module__.split(".")[0] == "torch"


def to_float(array, name):
    """Return `array` as a C-contiguous float32 array in [0, 1]; the input is never modified.

    uint8 and uint16 are divided by 255 and 65535, bool becomes 0 and 1, floating point must already be finite and in
    [0, 1]; what rounding took out of it, up to 1e-5, is clipped.
    """
    if is_torch(array):
        raise TypeError(f"{name} is a torch tensor, expected a NumPy array")
    array = np.asarray(array)
    if array.dtype in _SCALE:
        return np.ascontiguousarray(array, dtype=np.float32) * np.float32(1.0 / _SCALE[array.dtype])
    if array.dtype.kind != "f":
        raise TypeError(f"{name} has dtype {array.dtype}, expected uint8, uint16, bool or floating point")
    result = np.ascontiguousarray(array, dtype=np.float32)
    if result.size and not np.isfinite(result).all():
        raise ValueError(f"{name} has {np.count_nonzero(~np.isfinite(result))} NaN or infinite values, expected none")
    low, high = (float(result.min()), float(result.max())) if result.size else (0.0, 0.0)
    if low < -ROUNDING or high > 1.0 + ROUNDING:
        raise ValueError(f"{name} has floating-point values from {low:g} to {high:g}, expected the range [0, 1]")
    return result if 0.0 <= low and high <= 1.0 else result.clip(0.0, 1.0)


def check_image(image, name="image"):
    """Return an image as (H, W, 3) float32 in [0, 1].

    (H, W) and (H, W, 1) grey images are repeated over three channels; of (H, W, 4) RGBA images the fourth
    channel is dropped.
    """
    _refuse_path(image, name)
    shape = np.shape(image)
    if len(shape) not in (2, 3) or (len(shape) == 3 and shape[2] not in (1, 3, 4)):
        raise ValueError(f"{name} has shape {shape}, expected (H, W, 3), or grey (H, W), or RGBA (H, W, 4)")
    _check_not_empty(shape, name)
    result = to_float(image, name)
    if len(shape) == 2:
        result = result[:, :, None]
    if result.shape[2] == 1:
        result = np.repeat(result, 3, axis=2)
    return np.ascontiguousarray(result[:, :, :3])


def check_plane(plane, name, shape=None, other="image"):
    """Return an alpha, trimap or mask as (H, W) float32 in [0, 1]; `shape` is the (H, W) it must have."""
    _refuse_path(plane, name)
    came = np.shape(plane)
    if len(came) == 3 and came[2] == 1:
        plane = np.asarray(plane)[:, :, 0]
    elif len(came) != 2:
        raise ValueError(f"{name} has shape {came}, expected one channel (H, W)")
    _check_not_empty(came, name)
    if shape is not None:
        check_same_shape(np.shape(plane), name, shape, other)
    return to_float(plane, name)


def _refuse_path(value, name):
    if isinstance(value, str | PathLike):
        reader = {"image": "read_image", "trimap": "read_trimap"}.get(name, "read_alpha")
        raise TypeError(f"{name} is the path {str(value)!r}, expected an array, as hybridmatte.{reader} returns it")


def check_same_shape(shape, name, expected, other):
    """Refuse two planes that disagree in height or width."""
    if tuple(shape[:2]) != tuple(expected[:2]):
        hint = ", its transpose" if tuple(shape[:2]) == tuple(expected[:2])[::-1] else ""
        way = " (refine brings an alpha to the image's size)" if (name, other) == ("alpha", "image") else ""
        raise ValueError(f"{name} has shape {tuple(shape)} but {other} has shape {tuple(expected)}{hint}, expected "
                         f"the same height and width{way}")


def check_aspect(shape, name, image_shape):
    """Refuse a plane (h, w) whose aspect ratio is not the image's; a little off is allowed, and then stretched."""
    (h, w), (height, width) = shape, image_shape
    allowed = ASPECT + 1 / min(h, w, height, width)  # a side is rounded to whole pixels
    if abs(w * height / (h * width) - 1) > allowed:
        turned = abs(h * height / (w * width) - 1) <= allowed
        raise ValueError(f"{name} is {w} x {h} but image is {width} x {height}, expected the same aspect "
                         f"ratio{'; it looks turned by a quarter' if turned else ''}")


def check_choice(value, name, choices):
    """Refuse a value that is not one of `choices`."""
    if value not in choices:
        expected = " or ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} is {value!r}, expected {expected}")
    return value


def check_number(value, name, *, low=None, high=None, above=None):
    """Return a finite real number as float; low <= value <= high and value > above where given."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}, expected a number")
    bounds = [f"at least {low}"] * (low is not None) + [f"above {above}"] * (above is not None)
    bounds += [f"at most {high}"] * (high is not None)
    wrong = (low is not None and value < low) or (high is not None and value > high)
    if not np.isfinite(value) or wrong or (above is not None and value <= above):
        raise ValueError(f"{name} is {value}, expected a finite number {' and '.join(bounds)}".rstrip())
    return float(value)


def check_integer(value, name, *, low=None, high=None, odd=False):
    """Return an integer; low <= value <= high, odd if asked."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r}, expected an integer")
    bounds = [f"of at least {low}"] * (low is not None) + [f"of at most {high}"] * (high is not None)
    wrong = (low is not None and value < low) or (high is not None and value > high)
    if wrong or (odd and value % 2 == 0):
        kind = "an odd integer" if odd else "an integer"
        raise ValueError(f"{name} is {value}, expected {kind} {' and '.join(bounds)}".rstrip())
    return int(value)


def check_confidence(confidence, shape):
    """Return a prior's weight, a number or (H, W), as (H, W) float32 of at least 0."""
    if np.ndim(confidence) == 0:
        return np.full(shape, check_number(confidence, "confidence", low=0), np.float32)
    confidence = np.asarray(confidence)
    check_same_shape(confidence.shape, "confidence", shape, "image")
    if confidence.ndim != 2 or confidence.dtype.kind not in "fiub":
        raise ValueError(f"confidence has shape {confidence.shape} and dtype {confidence.dtype}, expected a number "
                         "or real numbers (H, W)")
    confidence = confidence.astype(np.float32)
    if not np.isfinite(confidence).all() or confidence.min() < 0:
        raise ValueError("confidence has negative, NaN or infinite values, expected finite values of at least 0")
    return confidence


def check_unknown(is_unknown, image):
    """Return an (H, W) boolean mask that fits the image; all True for None."""
    if is_unknown is None:
        return np.ones(image.shape[:2], dtype=bool)
    is_unknown = np.asarray(is_unknown)
    if is_unknown.dtype != bool:
        raise TypeError(f"is_unknown has dtype {is_unknown.dtype}, expected bool")
    check_same_shape(is_unknown.shape, "is_unknown", image.shape, "image")
    return np.ascontiguousarray(is_unknown)


def check_window_size(window_size):
    """Return the side of a window in pixels: odd, at least 3."""
    return check_integer(window_size, "window_size", low=3, odd=True)


def _check_not_empty(shape, name):
    if 0 in shape:
        raise ValueError(f"{name} is empty, with shape {tuple(shape)}, expected at least one pixel")
