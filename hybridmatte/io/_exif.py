"""EXIF blocks: what of one picture's block holds for a result of it, and how the formats store it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from typing import Any

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

__all__ = [
    "ORIENTATION",
    "PIXEL_STORAGE",
    "exif_of_result",
    "resolution_of",
    "with_png_chunks",
    "with_resolution",
    "with_tiff_directories",
]

ORIENTATION, WIDTH_RESOLUTION, HEIGHT_RESOLUTION, RESOLUTION_UNIT = 274, 282, 283, 296
EXIF_DIRECTORY, GPS_DIRECTORY, INTEROPERABILITY = 34665, 34853, 40965
PIXEL_WIDTH, PIXEL_HEIGHT = 40962, 40963
DESCRIPTION = 270
DESCRIPTIVE = frozenset(
    {DESCRIPTION, 271, 272, WIDTH_RESOLUTION, HEIGHT_RESOLUTION, RESOLUTION_UNIT, 305, 306, 315, 316, 18246, 18249}
    | {33432, *range(40091, 40096), 42032, 42033, 42034, 42035, 42036, 42037}
)  # tags that describe a picture; the others of a TIFF say how its pixels are stored
PIXEL_STORAGE = frozenset({*range(254, 260), 262, 266, 273, 277, 278, 279, 284, 513, 514, 529, 530, 531, 532})
STACK_DESCRIPTIONS = ("ImageJ=", '{"shape"', "<?xml", "<OME")  # say how many pages a file has, not what it shows
CM_PER_INCH = 2.54
PNG_HEADER_BYTES = 33
HEAD = b"Exif\0\0"


def exif_of_result(exif: Image.Exif, size: tuple[int, int], *, of_tiff: bool, gps: bool) -> bytes | None:
    """Return the block for an upright result of this size (width, height), or None if nothing is to be said.

    The orientation becomes 1, sizes and resolutions are turned with the picture. The embedded thumbnail, which shows
    the old picture, is left out; so are tags that say how pixels are stored, and, without gps, the place.
    """
    turned = exif.get(ORIENTATION, 1) in range(5, 9)
    kept = Image.Exif()
    kept.endian = exif.endian
    for tag, value in exif.items():
        is_wanted = tag in DESCRIPTIVE if of_tiff else tag not in PIXEL_STORAGE
        if not is_wanted or tag in (ORIENTATION, EXIF_DIRECTORY, GPS_DIRECTORY):
            continue
        if tag == DESCRIPTION and str(value).startswith(STACK_DESCRIPTIONS):
            continue
        kept[tag] = _exact(value)
    if turned and {WIDTH_RESOLUTION, HEIGHT_RESOLUTION} <= set(kept):
        kept[WIDTH_RESOLUTION], kept[HEIGHT_RESOLUTION] = kept[HEIGHT_RESOLUTION], kept[WIDTH_RESOLUTION]
    details = _directory(exif, EXIF_DIRECTORY)
    for tag, length in ((PIXEL_WIDTH, size[0]), (PIXEL_HEIGHT, size[1])):
        if tag in details:
            details[tag] = length
    for tag, values in ((EXIF_DIRECTORY, details), (GPS_DIRECTORY, _directory(exif, GPS_DIRECTORY) if gps else {})):
        if values:
            kept[tag] = values
    if set(kept) <= {WIDTH_RESOLUTION, HEIGHT_RESOLUTION, RESOLUTION_UNIT}:
        return None
    kept[ORIENTATION] = 1
    return kept.tobytes()


def resolution_of(exif: Mapping[int, Any]) -> tuple[float, float] | None:
    """Return dots per inch in x and y as stored, or None."""
    unit = {2: 1.0, 3: CM_PER_INCH}.get(exif.get(RESOLUTION_UNIT, 2))
    try:
        x, y = float(exif[WIDTH_RESOLUTION]), float(exif[HEIGHT_RESOLUTION])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (x * unit, y * unit) if unit is not None and x > 0 and y > 0 else None


def with_resolution(exif: bytes | None, resolution: tuple[float, float]) -> bytes:
    """Return a block that also holds dots per inch, for a format that has no other place for it."""
    block = Image.Exif()
    if exif is not None:
        block.load(exif)
        for tag in list(block):
            block[tag] = _directory(block, tag) if tag in (EXIF_DIRECTORY, GPS_DIRECTORY) else _exact(block[tag])
    block[WIDTH_RESOLUTION], block[HEIGHT_RESOLUTION] = resolution
    block[RESOLUTION_UNIT] = 2
    return block.tobytes()


def with_png_chunks(data: bytes, exif: bytes | None, resolution: tuple[float, float] | None) -> bytes:
    """Return a PNG with the block and the resolution behind its header."""
    chunks = b""
    if resolution is not None:
        per_metre = [round(dots / CM_PER_INCH * 100) for dots in resolution]
        chunks += _png_chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1))
    if exif is not None:
        chunks += _png_chunk(b"eXIf", exif.removeprefix(HEAD))
    return data[:PNG_HEADER_BYTES] + chunks + data[PNG_HEADER_BYTES:]


def with_tiff_directories(data: bytes, exif: bytes) -> bytes:
    """Return a little-endian TIFF of one page whose first directory also holds the tags of the block.

    The directory is written again at the end of the file, with the old entries as they are.
    """
    block = Image.Exif()
    block.load(exif)
    added = ImageFileDirectory_v2(b"II*\0\0\0\0\0")
    for tag, value in block.items():
        if tag in DESCRIPTIVE - {WIDTH_RESOLUTION, HEIGHT_RESOLUTION, RESOLUTION_UNIT}:
            added[tag] = _exact(value)
    for tag in (EXIF_DIRECTORY, GPS_DIRECTORY):
        if tag in block:
            added[tag] = _directory(block, tag)
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    entries = {}
    for place in range(start + 2, start + 2 + 12 * count, 12):
        entries[struct.unpack_from("<H", data, place)[0]] = data[place : place + 12]
    data += b"\0" * (len(data) % 2)
    tail = added.tobytes(len(data))
    for place in range(2, 2 + 12 * struct.unpack_from("<H", tail)[0], 12):
        entries.setdefault(struct.unpack_from("<H", tail, place)[0], tail[place : place + 12])
    data += tail + b"\0" * (len(tail) % 2)
    directory = struct.pack("<H", len(entries)) + b"".join(entries[tag] for tag in sorted(entries)) + b"\0\0\0\0"
    return data[:4] + struct.pack("<I", len(data)) + data[8:] + directory


def _directory(exif: Image.Exif, tag: int) -> dict[int, Any]:
    """Return the values of a directory inside a block, with those of the directory inside it."""
    values = {key: _exact(value) for key, value in exif.get_ifd(tag).items() if value is not None}
    if INTEROPERABILITY in values:
        inner = {key: _exact(value) for key, value in exif.get_ifd(INTEROPERABILITY).items()}
        values.pop(INTEROPERABILITY)
        if inner:
            values[INTEROPERABILITY] = inner
    return values


def _exact(value: Any) -> Any:
    """Return a value that is written as the bytes it was read from: Pillow reads Latin-1, and writes ASCII."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("latin-1", "replace")
    return value


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
