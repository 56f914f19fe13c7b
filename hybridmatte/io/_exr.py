"""Decode and encode OpenEXR files in memory, with the package OpenEXR of the extra ``video``."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hybridmatte.io._exr_header import ExrHeader
from hybridmatte.io._picture import Picture

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["HALF_MAX", "decode_exr", "encode_exr"]

FloatArray = npt.NDArray[np.float32]
HALF_MAX = 65504.0


def decode_exr(content: bytes, header: ExrHeader, max_pixels: int) -> Picture:
    """Return the colours and the alpha as stored: linear light, multiplied by alpha, float32.

    What lies outside the stored window is 0; what is stored outside the picture is left out.
    """
    if math.prod(header.stored_size) > max_pixels:
        raise ValueError(f"{math.prod(header.stored_size)} stored pixels, more than {max_pixels}")
    import OpenEXR

    file = OpenEXR.InputFile(io.BytesIO(content))
    names = header.colour if header.transparency is None else (*header.colour, header.transparency)
    width, height = header.stored_size
    planes = []
    for name, dtype in zip(names, header.types, strict=True):
        stored = np.frombuffer(file.channel(name), dtype).reshape(height, width)
        planes.append(_in_display(stored.astype(np.float32), header))
    n = len(header.colour)
    colour = planes[0] if n == 1 else np.dstack(planes[:n])
    return Picture(colour, planes[n] if len(planes) > n else None, is_light=True)


def encode_exr(
    colour: FloatArray,
    alpha: FloatArray | None,
    *,
    bits: int = 16,
    chromaticities: tuple[float, ...] | None = None,
    rate: Fraction | None = None,
    pixel_aspect: float = 1.0,
) -> bytes:
    """Encode linear light (H, W, 3), or one plane (H, W), and alpha (H, W); colours are multiplied by it here.

    With 16 bits, light beyond the largest half-float number becomes that number.
    """
    import OpenEXR

    planes = {"Y": colour} if colour.ndim == 2 else dict(zip("RGB", np.moveaxis(colour, 2, 0), strict=True))
    if alpha is not None:
        planes = {name: plane * alpha for name, plane in planes.items()} | {"A": alpha}
    channels = {name: _stored(plane, bits) for name, plane in planes.items()}
    header: dict[str, Any] = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    if chromaticities is not None:
        header["chromaticities"] = tuple(map(float, chromaticities))
    if rate is not None:
        header["framesPerSecond"] = rate
    if pixel_aspect != 1:
        header["pixelAspectRatio"] = float(pixel_aspect)
    written = io.BytesIO()
    OpenEXR.File(header, channels).write(written)
    return written.getvalue()


def _stored(plane: FloatArray, bits: int) -> npt.NDArray[Any]:
    if bits == 32:
        return np.ascontiguousarray(plane, np.float32)
    return np.ascontiguousarray(plane.clip(-HALF_MAX, HALF_MAX), np.float16)


def _in_display(stored: FloatArray, header: ExrHeader) -> FloatArray:
    """Return a plane of the picture's window from that of the stored one."""
    if header.data == header.display:
        return stored
    width, height = header.size
    plane = np.zeros((height, width), np.float32)
    (x0, y0, *_), (left, top, right, bottom) = header.display, header.data
    first_row, last_row = max(top - y0, 0), min(bottom - y0 + 1, height)
    first_column, last_column = max(left - x0, 0), min(right - x0 + 1, width)
    if first_row < last_row and first_column < last_column:
        rows = slice(first_row + y0 - top, last_row + y0 - top)
        columns = slice(first_column + x0 - left, last_column + x0 - left)
        plane[first_row:last_row, first_column:last_column] = stored[rows, columns]
    return plane
