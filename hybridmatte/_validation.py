"""Checks of arguments: every public function calls these first, and everything below them trusts its input.

All error messages have one form: `<argument> <what came>, expected <what>`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection
from numbers import Integral, Real
from os import PathLike
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from typing_extensions import TypeIs

T = TypeVar("T")

FULL_SCALE = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0, np.dtype(bool): 1.0}  # stored value of 1.0
LARGEST_LABEL = 127  # integers that are neither uint8 nor uint16 are taken for labels if none is larger
ROUNDING = 1e-5  # excess over [0, 1] that is taken for rounding, for example in a mean of ones
SAME_IN_PILLOW = {"1", "L", "LA", "F", "I;16", "I;16L", "I;16B", "I;16N", "RGB", "RGBA"}  # modes stored as they mean
CONVERTED_IN_PILLOW = {
    "P": "RGB",
    "PA": "RGBA",
    "RGBa": "RGBA",
    "RGBX": "RGB",
    "CMYK": "RGB",
    "YCbCr": "RGB",
    "HSV": "RGB",
}
ASPECT = 0.02  # allowed relative difference between two aspect ratios


def is_torch(array: object) -> TypeIs[torch.Tensor]:
    """Return whether `array` is a torch tensor, without importing torch."""
    tensor_types = getattr(sys.modules.get("torch"), "Tensor", ())  # no tensor exists before torch is imported
    return isinstance(array, tensor_types)


def is_pillow(picture: object) -> TypeIs[Image]:
    """Return whether `picture` is a Pillow image, without importing Pillow."""
    image_type = getattr(sys.modules.get("PIL.Image"), "Image", ())
    return isinstance(picture, image_type)


def from_pillow(picture: Image, name: str) -> npt.NDArray[np.generic]:
    """Return a Pillow image as an array: grey (H, W), RGB or RGBA; other kinds of colour are converted to these.

    The pixels are taken as they lie in memory: the EXIF orientation is not applied.
    """
    if picture.mode in CONVERTED_IN_PILLOW:
        picture = picture.convert("RGBA" if "transparency" in picture.info else CONVERTED_IN_PILLOW[picture.mode])
    elif picture.mode not in SAME_IN_PILLOW:
        raise ValueError(
            f"{name} is a Pillow image of mode {picture.mode}, whose full scale is not defined, "
            "expected mode L, RGB, RGBA or I;16, or an array"
        )
    pixels = np.asarray(picture)
    return pixels[:, :, [0, 0, 0, 1]] if picture.mode == "LA" else pixels


def _plane_from_pillow(picture: Image, name: str) -> npt.NDArray[np.generic]:
    """Return one channel of a Pillow image; a palette, whose indices may be labels, must hold opaque greys."""
    if picture.mode != "P":
        return from_pillow(picture, name)
    colours = from_pillow(picture, name)
    if colours.shape[2] == 4 or (colours != colours[:, :, :1]).any():
        raise ValueError(
            f"{name} is a Pillow image of mode P, whose palette has colours or transparency, expected grey (mode L); "
            f"of a label image, take one label: numpy.asarray({name}) == label"
        )
    return colours[:, :, 0]


def to_float(array: npt.ArrayLike, name: str) -> npt.NDArray[np.float32]:
    """Return `array` as a C-contiguous float32 array in [0, 1]; the input is never modified.

    uint8 is divided by 255 and uint16 by 65535; bool becomes 0 and 1. Floating-point values must be finite and in
    [0, 1]; an excess of at most 1e-5, as rounding causes, is clipped.
    """
    if is_torch(array):
        raise TypeError(f"{name} is a torch tensor, expected a NumPy array")
    if np.ma.is_masked(array):
        raise ValueError(f"{name} is a masked array with masked values, expected a plain array (see numpy.ma.filled)")
    array = np.asarray(array)
    scale = FULL_SCALE.get(array.dtype.newbyteorder("="))
    if scale is not None:
        return np.ascontiguousarray(array, dtype=np.float32) * np.float32(1.0 / scale)
    if array.dtype.kind != "f":
        hint = _integer_hint(array, name) if array.dtype.kind in "iu" and array.size else ""
        raise TypeError(f"{name} has dtype {array.dtype}, expected uint8, uint16, bool or floating point{hint}")
    result = np.ascontiguousarray(array, dtype=np.float32)
    low, high = (float(result.min()), float(result.max())) if result.size else (0.0, 0.0)
    if not (math.isfinite(low) and math.isfinite(high)):  # one NaN makes both NaN
        raise ValueError(f"{name} has {np.count_nonzero(~np.isfinite(result))} NaN or infinite values, expected none")
    if low < -ROUNDING or high > 1.0 + ROUNDING:
        raise ValueError(f"{name} has floating-point values from {low:g} to {high:g}, expected the range [0, 1]")
    return result if 0.0 <= low and high <= 1.0 else result.clip(0.0, 1.0)


def _integer_hint(array: npt.NDArray[np.integer], name: str) -> str:
    """Say what to do with integers of another type: convert a picture's values, or take a label."""
    low, high = int(array.min()), int(array.max())
    if low >= 0 and LARGEST_LABEL < high <= 65535:
        return f" ({name}.astype(numpy.uint{8 if high <= 255 else 16}) keeps its values, which reach {high})"
    return "" if array.ndim == 3 else " (of a label array, take one label: labels == label)"


def check_image(image: npt.ArrayLike, name: str = "image") -> npt.NDArray[np.float32]:
    """Return an image as (H, W, 3) float32 in [0, 1].

    Grey images, (H, W) or (H, W, 1), are repeated over three channels. The fourth channel of an RGBA image,
    (H, W, 4), is dropped. Pillow images of other modes, such as a palette or CMYK, are converted to RGB.
    """
    _refuse_path(image, name)
    if is_pillow(image):
        image = from_pillow(image, name)
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


def check_plane(
    plane: npt.ArrayLike, name: str, shape: tuple[int, ...] | None = None, other: str = "image"
) -> npt.NDArray[np.float32]:
    """Return an alpha, trimap or mask as (H, W) float32 in [0, 1].

    `shape` is the shape of the array called `other`, whose height and width the plane must have.
    """
    _refuse_path(plane, name)
    if is_pillow(plane):
        plane = _plane_from_pillow(plane, name)
    came = np.shape(plane)
    if len(came) == 3 and came[2] == 1:
        plane = np.asarray(plane)[:, :, 0]
    elif len(came) != 2:
        raise ValueError(f"{name} has shape {came}, expected one channel (H, W)")
    _check_not_empty(came, name)
    if shape is not None:
        check_same_shape(np.shape(plane), name, shape, other)
    return to_float(plane, name)


def _refuse_path(value: object, name: str) -> None:
    """Refuse a path where an array belongs, and name the function that reads the file."""
    if isinstance(value, str | PathLike):
        reader = {"image": "read_image", "trimap": "read_trimap", "mask": "read_mask"}.get(name, "read_alpha")
        raise TypeError(f"{name} is the path {str(value)!r}, expected an array, as hybridmatte.{reader} returns it")


def check_same_shape(shape: tuple[int, ...], name: str, expected: tuple[int, ...], other: str) -> None:
    """Refuse two arrays, given by their shapes and names, that differ in height or width."""
    if tuple(shape[:2]) != tuple(expected[:2]):
        transposed = ", its transpose" if tuple(shape[:2]) == tuple(expected[:2])[::-1] else ""
        hint = " (refine brings an alpha to the image's size)" if (name, other) == ("alpha", "image") else ""
        raise ValueError(
            f"{name} has shape {tuple(shape)} but {other} has shape {tuple(expected)}{transposed}, "
            f"expected the same height and width{hint}"
        )


def check_aspect(shape: tuple[int, int], name: str, image_shape: tuple[int, int]) -> None:
    """Refuse a plane whose aspect ratio differs from the image's by more than 2% and the rounding to whole pixels."""
    (h, w), (height, width) = shape, image_shape
    allowed = ASPECT + 1 / min(h, w, height, width)
    if abs(w * height / (h * width) - 1) > allowed:
        is_rotated = abs(h * height / (w * width) - 1) <= allowed
        hint = "; it looks turned by a quarter turn (90 degrees)" if is_rotated else ""
        raise ValueError(f"{name} is {w} x {h} but image is {width} x {height}, expected the same aspect ratio{hint}")


def check_choice(value: T, name: str, choices: Collection[object]) -> T:
    """Return a value that is one of `choices`."""
    if value not in choices:
        expected = " or ".join(repr(choice) for choice in choices)
        raise ValueError(f"{name} is {value!r}, expected {expected}")
    return value


def check_number(
    value: object, name: str, *, low: float | None = None, high: float | None = None, above: float | None = None
) -> float:
    """Return a finite real number as float; where given, low <= value <= high and value > above."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}, expected a number")
    number = float(value)
    bounds = [f"at least {low}"] * (low is not None) + [f"above {above}"] * (above is not None)
    bounds += [f"at most {high}"] * (high is not None)
    is_outside = (low is not None and value < low) or (high is not None and not value <= high)
    if not np.isfinite(number) or is_outside or (above is not None and value <= above):
        raise ValueError(f"{name} is {value}, expected a finite number {' and '.join(bounds)}".rstrip())
    return number


def check_integer(
    value: object, name: str, *, low: int | None = None, high: int | None = None, odd: bool = False
) -> int:
    """Return an integer; refuse one outside [low, high], or an even one if `odd`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r}, expected an integer")
    number = int(value)
    bounds = [f"of at least {low}"] * (low is not None) + [f"of at most {high}"] * (high is not None)
    is_outside = (low is not None and number < low) or (high is not None and number > high)
    if is_outside or (odd and number % 2 == 0):
        kind = "an odd integer" if odd else "an integer"
        raise ValueError(f"{name} is {value}, expected {kind} {' and '.join(bounds)}".rstrip())
    return number


def numbers_in(text: str, counts: Collection[int]) -> tuple[float, ...] | None:
    """Return the numbers that commas separate in a text; None if a part is no number, or there are other counts."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    return numbers if len(numbers) in counts else None


def check_confidence(confidence: npt.ArrayLike, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Return the confidence of a prior, one number or (H, W), as (H, W) float32 of at least 0."""
    if np.ndim(confidence) == 0:
        largest = float(np.finfo(np.float32).max)
        return np.full(shape, check_number(confidence, "confidence", low=0, high=largest), np.float32)
    confidence = np.asarray(confidence)
    check_same_shape(confidence.shape, "confidence", shape, "image")
    if confidence.ndim != 2 or confidence.dtype.kind not in "fiub":
        raise ValueError(
            f"confidence has shape {confidence.shape} and dtype {confidence.dtype}, expected a number "
            "or real numbers (H, W)"
        )
    confidence = confidence.astype(np.float32)
    if not np.isfinite(confidence).all() or confidence.min() < 0:
        raise ValueError("confidence has negative, NaN or infinite values, expected finite values of at least 0")
    return confidence


def check_unknown(is_unknown: npt.ArrayLike | None, image: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Return an (H, W) boolean mask that fits the image; for None, every pixel is unknown."""
    if is_unknown is None:
        return np.ones(image.shape[:2], dtype=bool)
    is_unknown = np.asarray(is_unknown)
    if is_unknown.dtype != bool:
        raise TypeError(f"is_unknown has dtype {is_unknown.dtype}, expected bool")
    check_same_shape(is_unknown.shape, "is_unknown", image.shape, "image")
    return np.ascontiguousarray(is_unknown)


def check_window_size(window_size: object) -> int:
    """Return the side of a window in pixels: odd, at least 3."""
    return check_integer(window_size, "window_size", low=3, odd=True)


def _check_not_empty(shape: tuple[int, ...], name: str) -> None:
    """Refuse an array without a pixel."""
    if 0 in shape:
        raise ValueError(f"{name} is empty, with shape {tuple(shape)}, expected at least one pixel")
