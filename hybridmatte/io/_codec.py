"""Decode and encode pictures in memory; `pictures.py` adds files, names and conversions.

Pillow decodes 8 bits a channel and 16-bit grey, `_png.py` 16-bit PNG, and `_tiff.py` the TIFF layouts that Pillow
would misread.
"""

from __future__ import annotations

import io
import lzma
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
from tifffile import TiffFileError

from hybridmatte._locks import ProcessLock
from hybridmatte.io._picture import Picture, UnsupportedPicture, to_uint8, to_uint16
from hybridmatte.io._png import decode_deep_png, encode_deep_png, has_deep_colour
from hybridmatte.io._tiff import Layout, decode_tiff, encode_tiff, read_layout
from hybridmatte.io.formats import EXPECTED, Format

__all__ = ["OpenedPicture", "decode", "encode", "open_picture", "to_uint8", "to_uint16"]

READERS: dict[str, type[ImageFile.ImageFile]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
}
OPTIONS: dict[Format, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},
}
ORIENTATION_TAG = 274
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    TiffFileError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)  # raised for a damaged file
_LIMIT_LOCK = ProcessLock()


class OpenedPicture(NamedTuple):
    """A file whose header has been read: width and height as stored, ICC profile, number of pages or frames."""

    size: tuple[int, int]
    profile: bytes | None
    n_pages: int
    reader: ImageFile.ImageFile | Layout  # Pillow's, or the layout of a TIFF that Pillow does not decode


def open_picture(data: bytes, label: str) -> OpenedPicture:
    """Read the header of a file whose format its first bytes tell; Pillow's limit on pixels is not applied."""
    kind = _format_of(data)
    if kind is None:
        raise ValueError(f"{label} is of another kind, expected {EXPECTED}")
    with _one_sentence(label), _pillow_limit(None), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")  # Pillow warns of a broken EXIF block, and of a TIFF cut in its header
        layout = read_layout(data) if kind == "TIFF" else None
        if layout is not None and not layout.suits_pillow:
            return OpenedPicture(layout.size, layout.profile, layout.n_pages, layout)
        picture = READERS[kind](io.BytesIO(data))
        if caught and kind == "TIFF":
            raise ValueError(str(caught[0].message))
        n_pages = getattr(picture, "n_frames", 1) if layout is None else layout.n_pages
        return OpenedPicture(picture.size, picture.info.get("icc_profile"), n_pages, picture)


def decode(data: bytes, opened: OpenedPicture, label: str, max_pixels: int) -> Picture:
    """Decode an opened picture, upright; its size has been checked, a TIFF's tiles are held to the same limit."""
    picture = opened.reader
    with _one_sentence(label), _pillow_limit(max_pixels), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(picture, Layout):
            return decode_tiff(data, picture, max_pixels)
        picture.load()
        # The orientation is read after load(): a PNG may hold EXIF behind the pixels, and load() turns a TIFF.
        orientation = picture.getexif().get(ORIENTATION_TAG, 1)
        if picture.format == "PNG" and has_deep_colour(data):
            return decode_deep_png(data, orientation)
        return _planes(picture).turned(orientation)


def encode(pixels: npt.NDArray[Any], kind: Format, *, bits: int = 8, profile: bytes | None = None) -> bytes:
    """Encode uint8 or uint16 pixels (H, W), (H, W, 3) or (H, W, 4)."""
    if kind == "TIFF":
        return encode_tiff(pixels, profile)
    if bits == 16:
        return encode_deep_png(pixels, profile)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, icc_profile=profile, **OPTIONS[kind])
    return file.getvalue()


def _format_of(data: bytes) -> Format | None:
    """Return the format that the first bytes of a file tell, or None."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return None


@contextmanager
def _one_sentence(label: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one sentence with the file's name."""
    try:
        yield
    except UnsupportedPicture as error:
        raise ValueError(f"{label} {error}") from error
    except DAMAGE as error:
        raise ValueError(f"{label} is damaged or truncated ({error}), expected {EXPECTED}") from error


@contextmanager
def _pillow_limit(max_pixels: int | None) -> Iterator[None]:
    """Replace Pillow's global limit on pixels, beyond twice of which it refuses; None lifts it."""
    with _LIMIT_LOCK:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
        try:
            yield
        except Image.DecompressionBombError as error:
            raise ValueError(str(error)) from error
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _planes(picture: Image.Image) -> Picture:
    """Return a Pillow picture's colours as grey or RGB, and its transparency."""
    if picture.mode.startswith("I"):  # 16-bit grey of a PNG
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(f"integers from {values.min()} to {values.max()}, more than 16 bits")
        return Picture(values.astype(np.uint16), None)
    if picture.mode in ("1", "L") and "transparency" not in picture.info:
        return Picture(np.asarray(picture.convert("L")), None)
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        pixels = np.asarray(picture.convert("RGBA"))
        return Picture(pixels[:, :, :3], pixels[:, :, 3])
    return Picture(np.asarray(picture.convert("RGB")), None)
