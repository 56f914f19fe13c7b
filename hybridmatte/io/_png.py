"""The checksums of PNG files, and PNG files of 16 bits a channel, whose colours Pillow would cut to 8 bits."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.io._picture import Picture

__all__ = ["check_chunks", "decode_deep_png", "encode_deep_png", "has_deep_colour"]

SIGNATURE_BYTES = 8
HEADER_BYTES = 33  # signature and header chunk
PIXEL_CHUNKS = (b"IHDR", b"tRNS", b"IDAT", b"IEND")  # what OpenCV needs of a PNG with true colours


def check_chunks(data: bytes) -> None:
    """Refuse a PNG that lacks its end or in which a chunk does not match its checksum.

    Decoders skip the checksums of the pixels: one flipped bit then changes up to all pixels after it.
    """
    kind = b""
    for kind, chunk in _chunks(data):
        (stored,) = struct.unpack(">I", chunk[-4:])
        if zlib.crc32(chunk[4:-4]) != stored:
            raise ValueError(f"the checksum of its chunk {kind.decode('latin-1')!r} is wrong")
    if kind != b"IEND":
        raise ValueError("its end is missing")


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield type and bytes (length, type, content, checksum) of each whole chunk, up to and with the first IEND."""
    view, start, kind = memoryview(data), SIGNATURE_BYTES, b""
    while kind != b"IEND" and start + 12 <= len(view):
        end = start + 12 + int.from_bytes(view[start : start + 4], "big")
        if end > len(view):
            return
        kind = bytes(view[start + 4 : start + 8])
        yield kind, view[start:end]
        start = end


def has_deep_colour(data: bytes) -> bool:
    """Return whether a PNG has several channels of 16 bits."""
    depth, colour_type = data[24], data[25]
    return depth == 16 and colour_type != 0


def decode_deep_png(data: bytes, orientation: int) -> Picture:
    """Decode 16-bit colour; the caller has found the file to be whole.

    OpenCV gets the pixels alone, because its decoder prints a line about every flaw of a profile or a text.
    """
    needed = b"".join(chunk for kind, chunk in _chunks(data) if kind in PIXEL_CHUNKS)
    pixels = cv2.imdecode(np.frombuffer(data[:SIGNATURE_BYTES] + needed, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
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
