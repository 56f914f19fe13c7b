"""Decompress the strips or tiles of a TIFF page; each is refused unless it holds all of its samples.

Nothing here uses libtiff, which prints lines of its own about damaged data. Pillow decodes JPEG and WebP segments,
which are whole pictures; the other kinds are decoded by Python's standard library, `_lzw.py` and `_fax.py`.
"""

from __future__ import annotations

import io
import lzma
import math
import struct
import zlib
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import JpegImagePlugin, WebPImagePlugin

from hybridmatte.io._fax import decode_fax
from hybridmatte.io._lzw import decode_lzw

__all__ = ["BITS", "FAX", "JPEG", "RAW", "READ", "SUBSAMPLING", "read_samples", "segment_grid"]

RAW, JPEG, PACKBITS, WEBP = 1, 7, 32773, 50001  # kinds of compression
FAX = (2, 3, 4)
SUBSAMPLING, JPEG_TABLES, FAX_OPTIONS = 530, 347, 292  # numbers of tags
DIFFERENCES, FLOAT_DIFFERENCES = 2, 3  # kinds of predictor
SLACK = 1 << 16  # bytes that a segment may hold beyond its samples
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
BITS = {1: 255, 2: 85, 4: 17}  # factors from fewer bits to 8
YCBCR, SEPARATE = 6, 2  # values of Photometric and PlanarConfiguration
Samples = npt.NDArray[Any]


def segment_grid(page: tifffile.TiffPage) -> tuple[int, int, int, int, int]:
    """Return the height and width of a page's segments, and their number of planes, rows and columns."""
    height, width = (page.tilelength, page.tilewidth) if page.is_tiled else (page.rowsperstrip, page.imagewidth)
    if height < 1 or width < 1:
        raise ValueError(f"its tiles are {width} x {height} pixels")
    planes = page.samplesperpixel if page.planarconfig == SEPARATE else 1
    return height, width, planes, math.ceil(page.imagelength / height), math.ceil(page.imagewidth / width)


def read_samples(data: bytes, page: tifffile.TiffPage) -> Samples:
    """Return the samples (H, W, samples) of a page whose compression is one of `READ`.

    Samples of 1, 2 and 4 bits are uint8 with their values as stored; YCbCr of JPEG segments comes as RGB.
    """
    height, width, planes, down, across = segment_grid(page)
    channels = 1 if page.planarconfig == SEPARATE else page.samplesperpixel
    samples = np.empty((planes, page.imagelength, page.imagewidth, channels), _dtype(page))
    decode = READ[page.compression]
    segments = zip(page.dataoffsets, page.databytecounts, strict=False)
    for number, (start, size) in enumerate(islice(segments, planes * down * across)):
        plane, place = divmod(number, down * across)
        y, x = place // across * height, place % across * width
        room = samples[plane, y : y + height, x : x + width]
        rows = height if page.is_tiled else len(room)
        room[...] = decode(data[start : start + size], page, (rows, width, channels))[: len(room), : room.shape[1]]
    return np.moveaxis(samples[..., 0], 0, -1) if page.planarconfig == SEPARATE else samples[0]


def _dtype(page: tifffile.TiffPage) -> np.dtype[Any]:
    """Return the type of a page's samples, in the byte order of this machine."""
    return np.dtype(f"{'f' if page.sampleformat == 3 else 'u'}{max(page.bitspersample // 8, 1)}")


def _decode_numbers(segment: bytes, page: tifffile.TiffPage, shape: tuple[int, int, int]) -> Samples:
    """Return the samples of a segment that holds numbers, and no picture file."""
    rows, width, channels = shape
    across, down = _subsampling(page)
    if (across, down) == (1, 1):
        row_bytes = math.ceil(width * channels * page.bitspersample / 8)
    else:
        rows, row_bytes = math.ceil(rows / down), math.ceil(width / across) * (across * down + 2)
    size = rows * row_bytes
    most = SLACK + row_bytes * (page.tilelength if page.is_tiled else min(page.rowsperstrip, page.imagelength))
    if page.fillorder == 2:
        segment = segment.translate(REVERSED)
    content = DECOMPRESS[page.compression](segment, size, most)[:size]
    if len(content) < size:
        raise ValueError(f"a strip or tile holds {len(content)} bytes, expected {size}")
    stored = np.frombuffer(content, np.uint8).reshape(rows, row_bytes)
    if (across, down) != (1, 1):
        return _full_chroma(stored.reshape(rows, -1, across * down + 2), across, down)[: shape[0], :width]
    return _unpredicted(stored, page, shape)


def _unpredicted(stored: npt.NDArray[np.uint8], page: tifffile.TiffPage, shape: tuple[int, int, int]) -> Samples:
    """Return the samples of rows of bytes."""
    rows, width, channels = shape
    dtype, bits, predictor = _dtype(page), page.bitspersample, _predictor(page)
    if predictor not in (1, DIFFERENCES, FLOAT_DIFFERENCES) or (predictor != 1 and bits < 8):
        raise ValueError(f"its predictor is {predictor} for {bits} bits")
    if bits < 8:
        digits = np.unpackbits(stored, axis=1)[:, : width * channels * bits].reshape(*shape, bits)
        return np.packbits(digits, axis=3)[..., 0] >> (8 - bits)
    if predictor == FLOAT_DIFFERENCES:
        if dtype.kind != "f":
            raise ValueError("its predictor is one of floating-point numbers")
        parts = np.cumsum(stored.reshape(rows, -1, channels), axis=1, dtype=np.uint8)
        parts = parts.reshape(rows, dtype.itemsize, -1).swapaxes(1, 2)
        return np.ascontiguousarray(parts).view(dtype.newbyteorder(">")).reshape(shape).astype(dtype)
    samples = stored.view(dtype.newbyteorder(page.parent.byteorder)).reshape(shape).astype(dtype, copy=False)
    if predictor == DIFFERENCES:
        numbers = samples.view(f"u{dtype.itemsize}")
        samples = np.cumsum(numbers, axis=1, dtype=numbers.dtype).view(dtype)
    return samples


def _predictor(page: tifffile.TiffPage) -> int:
    """Return the predictor of a page; without compression and with PackBits there is none, whatever the tag says."""
    return 1 if page.compression in (RAW, PACKBITS) else page.predictor


def _subsampling(page: tifffile.TiffPage) -> tuple[int, int]:
    """Return how many pixels in x and in y share a chroma sample."""
    if page.photometric != YCBCR:
        return 1, 1
    across, down = page.tags.valueof(SUBSAMPLING, (2, 2))
    if across not in (1, 2, 4) or down not in (1, 2, 4) or (_predictor(page) != 1 and (across, down) != (1, 1)):
        raise ValueError(f"its chroma is shared by {across} x {down} pixels")
    return across, down


def _full_chroma(blocks: npt.NDArray[np.uint8], across: int, down: int) -> Samples:
    """Return YCbCr pixels of blocks, each the luma of its pixels and then one Cb and one Cr."""
    n_down, n_across, _ = blocks.shape
    luma = blocks[:, :, :-2].reshape(n_down, n_across, down, across).swapaxes(1, 2)
    chroma = blocks[:, :, -2:].repeat(down, axis=0).repeat(across, axis=1)
    return np.dstack([luma.reshape(n_down * down, n_across * across), chroma])


def _decode_bits(segment: bytes, page: tifffile.TiffPage, shape: tuple[int, int, int]) -> Samples:
    """Return the samples of a segment with the codes of fax machines."""
    if page.fillorder == 2:
        segment = segment.translate(REVERSED)
    options = page.tags.valueof(FAX_OPTIONS, 0)
    return decode_fax(segment, shape[1], shape[0], int(page.compression), options)[:, :, None]


def _decode_picture(segment: bytes, page: tifffile.TiffPage, shape: tuple[int, int, int]) -> Samples:
    """Return the samples of a segment that is a JPEG or WebP picture."""
    rows, width, channels = shape
    if page.compression == JPEG:
        segment = _whole_jpeg(segment, page.tags.valueof(JPEG_TABLES), 1 if page.photometric == YCBCR else 0)
        picture = JpegImagePlugin.JpegImageFile(io.BytesIO(segment))
    else:
        picture = WebPImagePlugin.WebPImageFile(io.BytesIO(segment))
    if picture.width < width or picture.height < rows or picture.width * picture.height > 2 * width * rows + SLACK:
        raise ValueError(f"a strip or tile is {picture.width} x {picture.height} pixels, expected {width} x {rows}")
    if page.compression == WEBP and channels == 4 and picture.mode == "RGB":
        picture = picture.convert("RGBA")
    pixels = np.asarray(picture)
    pixels = pixels.reshape(*pixels.shape[:2], -1)[:rows, :width]
    if pixels.shape[2] != channels:
        raise ValueError(f"a strip or tile has {pixels.shape[2]} channels, expected {channels}")
    return 255 - pixels if picture.mode == "CMYK" else pixels  # Pillow inverts what has an Adobe marker


def _whole_jpeg(segment: bytes, tables: bytes | None, transform: int) -> bytes:
    """Return a segment with its tables, and with a marker that tells whether the colours are YCbCr."""
    adobe = b"\xff\xee\0\x0eAdobe\0d\0\0\0\0" + bytes([transform])
    place, kept = 2, b""
    while segment[place : place + 1] == b"\xff" and segment[place + 1 : place + 2] != b"\xda":
        (length,) = struct.unpack_from(">H", segment, place + 2)
        if segment[place + 1] not in (0xE0, 0xEE):  # what JFIF and Adobe say of the colours
            kept += segment[place : place + 2 + length]
        place += 2 + length
    return b"\xff\xd8" + adobe + (tables or b"")[2:-2] + kept + segment[place:]


def _stored(segment: bytes, size: int, most: int) -> bytes:  # noqa: ARG001 - the parameters of a decoder
    return segment


def _decompressed(make: Callable[[], Any], segment: bytes, size: int, most: int) -> bytes:
    """Return the bytes of a segment for a decoder of the standard library, after its checksum was compared."""
    decoder = make()
    content = decoder.decompress(segment, most)
    if len(content) >= size and not decoder.eof:
        raise ValueError("a strip or tile has no end")
    return content


def _decode_packbits(segment: bytes, size: int, most: int) -> bytes:
    """Return the bytes of a PackBits segment."""
    content, place = bytearray(), 0
    while len(content) < min(size, most) and place < len(segment):
        count = segment[place]
        if count < 128:
            content += segment[place + 1 : place + 2 + count]
            place += 2 + count
        else:
            content += segment[place + 1 : place + 2] * (257 - count if count > 128 else 0)
            place += 2 if count > 128 else 1
    return bytes(content)


def _decode_lzw(segment: bytes, size: int, most: int) -> bytes:  # noqa: ARG001 - the parameters of a decoder
    return decode_lzw(segment, size)


DECOMPRESS: dict[int, Callable[[bytes, int, int], bytes]] = {
    RAW: _stored,
    5: _decode_lzw,
    8: partial(_decompressed, zlib.decompressobj),
    32946: partial(_decompressed, zlib.decompressobj),
    PACKBITS: _decode_packbits,
    34925: partial(_decompressed, lzma.LZMADecompressor),
}  # functions of a segment, the size of its samples, and the most that it may hold
READ: dict[int, Callable[[bytes, tifffile.TiffPage, tuple[int, int, int]], Samples]] = {
    **dict.fromkeys(DECOMPRESS, _decode_numbers),
    **dict.fromkeys(FAX, _decode_bits),
    JPEG: _decode_picture,
    WEBP: _decode_picture,
}  # functions of a segment, its page, and its shape (rows, width, samples)
