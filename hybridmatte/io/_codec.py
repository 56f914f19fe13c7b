"""Decode and encode pictures in memory; `pictures.py` adds files, names and conversions.

Pillow decodes 8 bits a channel and 16-bit grey, `_png.py` 16-bit PNG, `_tiff.py` TIFF, and `_exr.py` OpenEXR. The
package pillow_heif adds HEIC to Pillow.
"""

from __future__ import annotations

import io
import lzma
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    ImagePalette,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
    features,
)
from tifffile import TiffFileError

from hybridmatte._locks import ProcessLock
from hybridmatte.errors import MissingExtraError, warn_caller
from hybridmatte.io._exif import ORIENTATION, with_png_chunks, with_resolution, with_tiff_directories
from hybridmatte.io._exr import decode_exr
from hybridmatte.io._exr_header import ExrHeader, read_exr_header
from hybridmatte.io._picture import Picture, UnsupportedPicture, to_uint8, to_uint16
from hybridmatte.io._png import check_chunks, decode_deep_png, encode_deep_png, encode_fast_png, has_deep_colour
from hybridmatte.io._tiff import Layout, decode_indices, decode_tiff, encode_tiff, read_layout
from hybridmatte.io.formats import EXPECTED, Format, InputFormat, expected_file, kind_of, name_of_other_kind

__all__ = [
    "OpenedPicture",
    "check_kind",
    "decode",
    "encode",
    "open_picture",
    "palette_indices",
    "require_writer",
    "stored_exif",
    "to_uint8",
    "to_uint16",
]

READERS: dict[InputFormat, type[ImageFile.ImageFile]] = {
    "PNG": PngImagePlugin.PngImageFile,
    "JPEG": JpegImagePlugin.JpegImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
}  # AVIF and HEIC: see `_reader`; TIFF: see `_tiff.py`
OPTIONS: dict[Format, dict[str, Any]] = {
    "PNG": {},
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True, "exact": True},
}
PNG_TEXT = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")  # chunks that may hold EXIF or XMP
MAX_JPEG_EXIF = 65533  # bytes, of a segment
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
UNSUPPORTED = re.compile("unsupported|unknown pixel mode|not supported|not implemented", re.IGNORECASE)  # of Pillow
_LIMIT_LOCK = ProcessLock()


class OpenedPicture(NamedTuple):
    """A file whose header has been read: width and height as stored, ICC profile, number of pages or frames."""

    size: tuple[int, int]
    profile: bytes | None
    n_pages: int
    reader: ImageFile.ImageFile | Layout | ExrHeader  # Pillow's, the layout of a TIFF, or the header of an OpenEXR file


def open_picture(data: bytes, label: str) -> OpenedPicture:
    """Read the header of a file whose format its first bytes tell; Pillow's limit on pixels is not applied."""
    kind = check_kind(data, label)
    if kind == "TIFF":
        with _one_sentence(label):
            layout = read_layout(data)
        return OpenedPicture(layout.size, layout.profile, layout.n_pages, layout)
    if kind == "EXR":
        with _one_sentence(label):
            header = read_exr_header(data)
        _require(f"{label} is an OpenEXR file", "OpenEXR", "video")
        return OpenedPicture(header.size, None, header.n_parts, header)
    reader = _reader(kind, label)
    with _one_sentence(label), _pillow_limit(None), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of a broken EXIF block
        picture = reader(io.BytesIO(data))
        if kind == "BMP":
            _read_two_tones_by_bytes(picture)
        profile, n_frames = picture.info.get("icc_profile"), getattr(picture, "n_frames", 1)
        return OpenedPicture(picture.size, profile, n_frames, picture)


def _read_two_tones_by_bytes(picture: Any) -> None:
    """Mend the layout of a BMP of 8 bits a pixel with only black and white, which Pillow takes for one of 1 bit."""
    if picture.mode != "1" or not picture.tile or picture.tile[0][0] != "raw":
        return
    codec, box, offset, (_, stride, direction) = picture.tile[0]
    if stride < picture.size[0]:
        return  # one bit a pixel
    picture._mode, picture.palette = "P", ImagePalette.raw("RGB", bytes([0, 0, 0, 255, 255, 255]))
    picture.tile = [type(picture.tile[0])(codec, box, offset, ("P", stride, direction))]


def decode(data: bytes, opened: OpenedPicture, label: str, max_pixels: int) -> Picture:
    """Decode an opened picture, upright; its size has been checked, a TIFF's tiles are held to the same limit."""
    picture = opened.reader
    with _one_sentence(label), _pillow_limit(max_pixels), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(picture, Layout):
            return decode_tiff(data, picture, max_pixels)
        if isinstance(picture, ExrHeader):
            return decode_exr(data, picture, max_pixels)
        if picture.format == "PNG":
            check_chunks(data)
        picture.load()
        # The orientation is read after load(): a PNG may hold EXIF behind the pixels.
        orientation = picture.getexif().get(ORIENTATION, 1)
        if picture.format == "PNG" and has_deep_colour(data):
            return decode_deep_png(data, orientation)
        return _planes(picture).turned(orientation)


def palette_indices(data: bytes, opened: OpenedPicture, max_pixels: int) -> npt.NDArray[np.uint8] | None:
    """Return the palette indices (H, W), upright, of a picture that `decode` has decoded; None if it has no palette."""
    picture = opened.reader
    if isinstance(picture, Layout):
        return decode_indices(data, picture, max_pixels) if picture.colours == "palette" else None
    if isinstance(picture, ExrHeader) or picture.mode != "P":
        return None
    return Picture(np.asarray(picture), None).turned(picture.getexif().get(ORIENTATION, 1)).colour


def stored_exif(data: bytes, opened: OpenedPicture, label: str) -> Image.Exif:
    """Return the EXIF block of an opened picture as stored, also if its pixels have been decoded."""
    picture = opened.reader
    if isinstance(picture, ExrHeader):
        return Image.Exif()
    with _one_sentence(label), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of a broken block; it counts as empty
        if isinstance(picture, Layout):
            exif = Image.Exif()
            exif.load(data)
            return exif
        if picture.format == "PNG" and any(name in data for name in PNG_TEXT):
            picture.load()  # the block may lie behind the pixels
        return picture.getexif()


def encode(
    pixels: npt.NDArray[Any],
    kind: Format,
    *,
    bits: int = 8,
    profile: bytes | None = None,
    exif: bytes | None = None,
    resolution: tuple[float, float] | None = None,
    is_fast: bool = False,
) -> bytes:
    """Encode uint8 or uint16 pixels (H, W), (H, W, 3) or (H, W, 4).

    With `is_fast`, a PNG takes less than half the time, and may be larger.
    """
    if is_fast and kind == "PNG":
        return with_png_chunks(encode_fast_png(pixels, profile), exif, resolution)
    if kind == "TIFF":
        data = encode_tiff(pixels, profile, resolution)
        return data if exif is None else with_tiff_directories(data, exif)
    if bits == 16:
        return with_png_chunks(encode_deep_png(pixels, profile), exif, resolution)
    if kind == "JPEG" and exif is not None and len(exif) > MAX_JPEG_EXIF:
        warn_caller(f"the EXIF block has {len(exif)} bytes, and is left out, because a JPEG holds 65533", UserWarning)
        exif = None
    options = dict(OPTIONS[kind])
    if kind == "WEBP" and resolution is not None:
        exif = with_resolution(exif, resolution)
    elif resolution is not None:
        options["dpi"] = resolution
    if exif is not None:
        options["exif"] = exif
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, icc_profile=profile, **options)
    return file.getvalue()


def check_kind(data: bytes, label: str) -> InputFormat:
    """Return the format that the first bytes of a file tell; refuse other files."""
    kind = kind_of(data)
    if kind is None:
        raise ValueError(f"{label} is {name_of_other_kind(data)}, expected {expected_file(label)}")
    return kind


def _reader(kind: InputFormat, label: str) -> type[ImageFile.ImageFile]:
    """Return Pillow's class for a format; refuse one that what is installed cannot read."""
    if kind == "HEIC":
        _require(f"{label} is a HEIC file", "pillow_heif", "heic")
        from pillow_heif import HeifImageFile

        return HeifImageFile
    if kind == "AVIF":
        if "avif" not in features.modules or not features.check("avif"):
            raise MissingExtraError(
                f"{label} is an AVIF file, which the installed Pillow does not read, expected Pillow 11.3 or later: "
                "pip install -U pillow"
            )
        from PIL.AvifImagePlugin import AvifImageFile

        return AvifImageFile
    return READERS[kind]


def _require(what: str, package: str, extra: str) -> None:
    """Raise a `MissingExtraError` if the package that what needs is not installed."""
    if find_spec(package) is None:
        raise MissingExtraError(
            f"{what} and {package} is not installed, expected the extra '{extra}': pip install 'hybridmatte[{extra}]'"
        )


def require_writer(kind: Format, label: str) -> None:
    """Raise a `MissingExtraError` if the package that writes a format is not installed."""
    if kind == "EXR":
        _require(f"{label} is an OpenEXR file", "OpenEXR", "video")


@contextmanager
def _one_sentence(label: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one sentence with the file's name."""
    try:
        yield
    except UnsupportedPicture as error:
        raise ValueError(f"{label} {error}") from error
    except DAMAGE as error:
        reason = " ".join(str(error).split())
        if UNSUPPORTED.search(reason):
            raise ValueError(f"{label} has a layout that is not supported ({reason}), expected {EXPECTED}") from error
        raise ValueError(f"{label} is damaged or truncated ({reason}), expected {EXPECTED}") from error


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
