"""PNG files of 16 bits a channel through OpenCV: Pillow would cut their colours to 8 bits."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.io._picture import Picture

__all__ = ["decode_deep_png", "encode_deep_png", "has_deep_colour"]

HEADER_BYTES = 33  # signature and header chunk


def has_deep_colour(data: bytes) -> bool:
    """Return whether a PNG has several channels of 16 bits."""
    depth, colour_type = data[24], data[25]
    return depth == 16 and colour_type != 0


def decode_deep_png(data: bytes, orientation: int) -> Picture:
    """Decode 16-bit colour; the caller has found the file to be whole."""
    pixels = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3:
        raise ValueError("16-bit colour of an unknown layout")
    return Picture(pixels[:, :, 2::-1], pixels[:, :, 3] if pixels.shape[2] == 4 else None).turned(orientation)


def encode_deep_png(pixels: npt.NDArray[Any], profile: bytes | None) -> bytes:
    """Encode uint16 pixels, and insert the colour profile, which OpenCV cannot write."""
    if pixels.ndim == 3:
        pixels = np.ascontiguousarray(pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]])
    data = cv2.imencode(".png", pixels)[1].tobytes()
    if profile is None:
        return data
    body = b"iCCP" + b"ICC profile\0\0" + zlib.compress(profile)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:HEADER_BYTES] + chunk + data[HEADER_BYTES:]
