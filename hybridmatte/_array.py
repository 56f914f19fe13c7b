"""The one edge where dtypes change: integers in, float32 in [0, 1] out."""

import numpy as np

_SCALE = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0, np.dtype(bool): 1.0}
ROUNDING = 1e-5  # a mean or an interpolation of ones may be as much above


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


def to_uint8(array):
    """Return a float array in [0, 1] as uint8, rounded to nearest."""
    return np.rint(np.clip(array, 0.0, 1.0) * 255.0).astype(np.uint8)


def to_uint16(array):
    """Return a float array in [0, 1] as uint16, rounded to nearest."""
    return np.rint(np.clip(array, 0.0, 1.0) * 65535.0).astype(np.uint16)
