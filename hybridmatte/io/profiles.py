"""Convert colours from one ICC profile to another.

Profiles of three primaries and three curves, as of screens, cameras and working spaces, are computed in floating point.
Profiles with tables go through LittleCMS at 8 bits a channel.
"""

from __future__ import annotations

import io
import struct
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

__all__ = ["convert_colours"]

FloatArray = npt.NDArray[np.float32]
SAME = 0.5 / 255  # profiles whose colours differ by less count as the same
GRID = np.stack(np.meshgrid(*[np.linspace(0, 1, 5)] * 3, indexing="ij"), axis=-1).reshape(1, -1, 3)
CURVE_STEPS = 4096  # of the inverse of a curve
PARAMETERS = (1, 3, 4, 5, 7)  # number of parameters of each kind of parametric curve
HEADER_BYTES, ENTRY_BYTES = 132, 12


class ScreenProfile(NamedTuple):
    """A profile of primaries and curves: linear light is curve(number), and its XYZ (D50) is matrix @ light."""

    matrix: npt.NDArray[np.float64]
    curves: tuple[npt.NDArray[np.float64], ...]  # light at CURVE_STEPS + 1 numbers from 0 to 1


def convert_colours(colours: FloatArray, source: bytes | None, target: bytes | None, name: str) -> FloatArray:
    """Return RGB colours (..., 3) in [0, 1] of one profile as numbers of another; None stands for sRGB.

    The rendering is relative colorimetric; colours outside the target's gamut are clipped. Profiles that agree to half
    a step of 8 bits change nothing. name is whose profiles these are, for errors.
    """
    if source == target:
        return colours
    source, target = source or _srgb(), target or _srgb()
    try:
        if np.abs(_converted(GRID, source, target) - GRID).max() < SAME:
            return colours
        return _converted(colours, source, target).astype(np.float32)
    except (ImageCms.PyCMSError, OSError, ValueError, LookupError, struct.error) as error:
        raise ValueError(f"{name} has a colour profile that cannot be used ({error}), expected one of RGB") from error


@lru_cache(maxsize=1)
def _srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _converted(colours: npt.NDArray[np.floating], source: bytes, target: bytes) -> npt.NDArray[np.floating]:
    """Return colours of another profile, by primaries and curves where both have them."""
    first, second = _screen_profile(source), _screen_profile(target)
    if first is None or second is None:
        return _converted_by_tables(colours, source, target)
    numbers = np.linspace(0, 1, CURVE_STEPS + 1)
    light = np.stack([np.interp(colours[..., c], numbers, first.curves[c]) for c in range(3)], axis=-1)
    light = (light @ (np.linalg.inv(second.matrix) @ first.matrix).T).clip(0, 1)
    return np.stack([np.interp(light[..., c], second.curves[c], numbers) for c in range(3)], axis=-1)


def _converted_by_tables(colours: npt.NDArray[np.floating], source: bytes, target: bytes) -> npt.NDArray[np.floating]:
    """Return colours of another profile, rounded to 8 bits, by LittleCMS."""
    pixels = np.rint(np.atleast_2d(colours) * 255).astype(np.uint8)
    picture = Image.fromarray(pixels.reshape(-1, 1, 3) if pixels.ndim == 2 else pixels)
    result = ImageCms.profileToProfile(
        picture,
        ImageCms.ImageCmsProfile(io.BytesIO(source)),
        ImageCms.ImageCmsProfile(io.BytesIO(target)),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    return np.asarray(result).reshape(colours.shape) / 255


@lru_cache(maxsize=4)
def _screen_profile(profile: bytes) -> ScreenProfile | None:
    """Return the primaries and curves of a profile, or None if it has tables instead."""
    (count,) = struct.unpack_from(">I", profile, HEADER_BYTES - 4)
    tags = {}
    for place in range(HEADER_BYTES, HEADER_BYTES + ENTRY_BYTES * count, ENTRY_BYTES):
        name, start, size = struct.unpack_from(">4sII", profile, place)
        tags[name] = profile[start : start + size]
    wanted = [b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"]
    if b"A2B0" in tags or not all(name in tags for name in wanted):
        return None
    columns = [np.array(struct.unpack_from(">3i", tags[name], 8)) / 65536 for name in wanted[:3]]
    return ScreenProfile(np.stack(columns, axis=1), tuple(_curve(tags[name]) for name in wanted[3:]))


def _curve(tag: bytes) -> npt.NDArray[np.float64]:
    """Return a curve's light at CURVE_STEPS + 1 numbers from 0 to 1; it never falls."""
    x = np.linspace(0, 1, CURVE_STEPS + 1)
    if tag.startswith(b"curv"):
        (count,) = struct.unpack_from(">I", tag, 8)
        stored = np.frombuffer(tag, dtype=">u2", count=count, offset=12).astype(float)
        if count == 0:
            return x
        y = x ** (stored[0] / 256) if count == 1 else np.interp(x, np.linspace(0, 1, count), stored / 65535)
    elif tag.startswith(b"para"):
        (kind,) = struct.unpack_from(">H", tag, 8)
        y = _parametric(x, kind, *(np.array(struct.unpack_from(f">{PARAMETERS[kind]}i", tag, 12)) / 65536))
    else:
        raise ValueError(f"a curve of the kind {tag[:4]!r}")
    return np.maximum.accumulate(y.clip(0, 1))


def _parametric(
    x: npt.NDArray[np.float64],
    kind: int,
    g: float,
    a: float = 1,
    b: float = 0,
    c: float = 0,
    d: float = 0,
    e: float = 0,
    f: float = 0,
) -> npt.NDArray[np.float64]:
    """Return a parametric curve of the ICC specification (10.18): (a x + b)^g + e from d on, c x + f below."""
    if kind in (1, 2):
        e = f = c if kind == 2 else 0.0
        c, d = 0.0, -b / a
    power = np.maximum(a * x + b, 0) ** g + e
    return np.where(x >= d, power, c * x + f) if kind else x**g
