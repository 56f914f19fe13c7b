"""Linear light and the numbers of sRGB: the transfer function of a picture of a screen, and its inverse."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["to_light", "to_numbers"]

FloatArray = npt.NDArray[np.float32]
LINEAR_MAX = np.float32(0.0031308)  # light up to which sRGB is a straight line
NUMBER_MAX = np.float32(0.04045)  # the same as a number of sRGB
SLOPE = np.float32(12.92)


def to_light(numbers: npt.NDArray[np.floating]) -> FloatArray:
    """Return the linear light, 0 to 1, of numbers of sRGB in [0, 1] (IEC 61966-2-1)."""
    numbers = np.asarray(numbers, np.float32)
    power = ((numbers + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    return np.where(numbers <= NUMBER_MAX, numbers / SLOPE, power)


def to_numbers(light: npt.NDArray[np.floating]) -> FloatArray:
    """Return the numbers of sRGB in [0, 1] of linear light; light above 1 becomes 1, and light below 0 becomes 0."""
    light = np.asarray(light, np.float32).clip(0, 1)
    power = np.float32(1.055) * light ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(light <= LINEAR_MAX, light * SLOPE, power)
