"""Decode and encode pictures in memory; `image.py` adds files, names and conversions.

Pillow does 8 bits a channel and 16-bit grey, OpenCV 16-bit colour, which Pillow would cut to 8 bits.
"""

import io
import struct
import warnings
import zlib
from contextlib import contextmanager
from threading import Lock
from typing import NamedTuple

import numpy as np

EXPECTED = "a PNG, JPEG, TIFF or WebP file"
_ORIENTATION_TAG = 274
_LIMIT_LOCK = Lock()


class Picture(NamedTuple):
    """A decoded file, upright: colour (H, W, 3) or (H, W), transparency (H, W) or None; uint8, uint16 or float."""

    colour: np.ndarray
    transparency: np.ndarray | None


def open_picture(data, label):
    """Parse the header, by the contents' signature; Pillow's own pixel limit plays no part."""
    from PIL import JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        reader = PngImagePlugin.PngImageFile
    elif data.startswith(b"\xff\xd8\xff"):
        reader = JpegImagePlugin.JpegImageFile
    elif data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        reader = TiffImagePlugin.TiffImageFile
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        reader = WebPImagePlugin.WebPImageFile
    else:
        raise ValueError(f"{label} is of another kind, expected {EXPECTED}")
    try:
        with _pillow_limit(None), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")  # Pillow warns of a broken EXIF block, and of a TIFF cut in its header
            picture = reader(io.BytesIO(data))
        if caught and picture.format == "TIFF":
            raise ValueError(str(caught[0].message))
        return picture
    except (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error) as error:
        raise ValueError(f"{label} is damaged or truncated ({error}), expected {EXPECTED}") from error


def decode(data, picture, label, max_pixels):
    """Decode an opened picture, upright; its size has been checked, a TIFF's tiles are held to the same limit."""
    try:
        with _pillow_limit(max_pixels), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture.load()
        if _has_deep_colour(picture, data):
            return _decode_deep(data, picture)
        # Asked only after load(): a PNG may hold EXIF behind the pixels, and a TIFF is turned by load() itself.
        orientation = picture.getexif().get(_ORIENTATION_TAG, 1)
        return Picture(*(_turn(plane, orientation) for plane in _planes(picture)))
    except (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, struct.error) as error:
        raise ValueError(f"{label} is damaged or truncated ({error}), expected {EXPECTED}") from error


def encode(pixels, kind, *, bits=8, profile=None):
    """Encode uint8 or uint16 pixels (H, W), (H, W, 3) or (H, W, 4) as "PNG", "JPEG", "TIFF" or "WEBP"."""
    if bits == 16:
        return _encode_tiff(pixels, profile) if kind == "TIFF" else _encode_deep_png(pixels, profile)
    from PIL import Image

    options = {
        "PNG": {},
        "JPEG": {"quality": 95, "subsampling": 0},
        "TIFF": {"compression": "tiff_deflate"},
        "WEBP": {"lossless": True, "exact": True},
    }[kind]
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, icc_profile=profile, **options)
    return file.getvalue()


@contextmanager
def _pillow_limit(max_pixels):
    """Let our limit stand for Pillow's global one, which refuses at twice its value, or never if None."""
    from PIL import Image

    with _LIMIT_LOCK:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, max_pixels
        try:
            yield
        except Image.DecompressionBombError as error:
            raise ValueError(str(error)) from error
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _has_deep_colour(picture, data):
    """Tell whether a file has several channels of 16 bits, which Pillow would cut to 8."""
    if picture.format == "PNG":
        return data[24] == 16 and data[25] != 0  # bit depth and colour type in the header
    if picture.format == "TIFF":
        return picture.mode in ("RGB", "RGBA", "RGBX") and max(picture.tag_v2.get(258, (8,))) == 16
    return False


def _decode_deep(data, picture):
    """Decode 16-bit colour with OpenCV; Pillow has read the file to its end before, so it is whole."""
    import cv2

    pixels = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3:
        raise ValueError("16-bit colour of an unknown layout")
    colour, transparency = pixels[:, :, 2::-1], pixels[:, :, 3] if pixels.shape[2] == 4 else None
    orientation = picture.getexif().get(_ORIENTATION_TAG, 1) if picture.format == "PNG" else 1  # TIFF comes turned
    return Picture(_turn(colour, orientation), _turn(transparency, orientation))


def _planes(picture):
    """Return a Pillow picture's colour as (H, W) or (H, W, 3) and its transparency (H, W) or None."""
    if picture.mode.startswith("I"):
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError(f"integers from {values.min()} to {values.max()}, more than 16 bits")
        return values.astype(np.uint16), None
    if picture.mode in ("1", "L", "F") and "transparency" not in picture.info:
        return np.asarray(picture if picture.mode == "F" else picture.convert("L")), None
    if picture.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        pixels = np.asarray(picture.convert("RGBA"))
        return pixels[:, :, :3], pixels[:, :, 3]
    return np.asarray(picture.convert("RGB")), None


def _turn(plane, orientation):
    """Turn an array upright, given its EXIF orientation 1 to 8."""
    if plane is None or orientation not in range(2, 9):
        return plane
    if orientation >= 5:
        plane = plane.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return plane[::rows, ::columns]


def _encode_deep_png(pixels, profile):
    """Encode uint16 pixels with OpenCV, and put in the colour profile, which it cannot write."""
    import cv2

    if pixels.ndim == 3:
        pixels = np.ascontiguousarray(pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]])
    data = cv2.imencode(".png", pixels)[1].tobytes()
    if profile is None:
        return data
    body = b"iCCP" + b"ICC profile\0\0" + zlib.compress(profile)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:33] + chunk + data[33:]  # behind the header's 8 + 25 bytes


def _encode_tiff(pixels, profile):
    """Encode uint16 pixels as a TIFF of one deflated strip (TIFF 6.0, section 2; ICC tag 34675).

    By hand because neither package writes 16-bit colour with straight alpha and a profile.
    """
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    strip = zlib.compress(pixels.astype("<u2").tobytes())
    # tag: (type, values); type 3 is a 16-bit, 4 a 32-bit integer, 7 bytes
    tags = {256: (4, [width]), 257: (4, [height]), 258: (3, [16] * channels), 259: (3, [8]),
            262: (3, [1 if channels == 1 else 2]), 273: (4, [8]), 277: (3, [channels]), 278: (4, [height]),
            279: (4, [len(strip)])}
    if channels == 4:
        tags[338] = (3, [2])  # the fourth channel is straight alpha
    if profile is not None:
        tags[34675] = (7, list(profile))
    strip += b"\0" * (len(strip) % 2)
    start = 8 + len(strip)
    entries, extra = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(f"<{len(values)}{ {3: 'H', 4: 'I', 7: 'B'}[kind]}", *values)
        if len(packed) > 4:
            position = start + 2 + 12 * len(tags) + 4 + len(extra)
            extra += packed + b"\0" * (len(packed) % 2)
            packed = struct.pack("<I", position)
        entries += struct.pack("<HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    return b"II*\0" + struct.pack("<I", start) + strip + directory + extra


def to_uint8(array):
    """Return a float array in [0, 1] as uint8, rounded to nearest."""
    return np.rint(np.clip(array, 0.0, 1.0) * 255.0).astype(np.uint8)


def to_uint16(array):
    """Return a float array in [0, 1] as uint16, rounded to nearest."""
    return np.rint(np.clip(array, 0.0, 1.0) * 65535.0).astype(np.uint16)
