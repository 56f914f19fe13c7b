"""TIFF files: the layout of the first page, its samples as colours, and writing.

tifffile reads the tags and writes files; `_tiff_segments.py` decompresses the samples. A rare compression needs the
package imagecodecs, and is refused without it. So is a picture whose numbers could not be read rightly.
"""

from __future__ import annotations

import io
import logging
import math
import re
import struct
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import tifffile

from hybridmatte.io._exif import PIXEL_STORAGE
from hybridmatte.io._picture import Picture, UnsupportedPicture
from hybridmatte.io._tiff_segments import BITS, FAX, JPEG, RAW, READ, SUBSAMPLING, read_samples, segment_grid

__all__ = ["Layout", "decode_indices", "decode_tiff", "encode_tiff", "read_layout"]

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it logs is raised here as one sentence

Colours = Literal["white is zero", "grey", "RGB", "palette", "CMYK", "YCbCr", "other"]
COLOURS: dict[int, Colours] = {0: "white is zero", 1: "grey", 2: "RGB", 3: "palette", 5: "CMYK", 6: "YCbCr"}
N_COLOURS = {"white is zero": 1, "grey": 1, "RGB": 3, "palette": 1, "CMYK": 4, "YCbCr": 3}
NUMBERS = {1: "unsigned integers", 2: "signed integers", 3: "floating-point numbers"}  # by SampleFormat
UNSPECIFIED, ASSOCIATED, STRAIGHT = 0, 1, 2  # kinds of an extra sample
MAX_EXTRA = 3
REDUCED, REDUCED_OR_MASK = 0b001, 0b101  # of NewSubfileType
IMAGEJ_STACK = re.compile(r"ImageJ=.*?^images=(\d{1,9})$", re.MULTILINE | re.DOTALL)
TIFFFILE_STACK = re.compile(r'\{"shape": \[(\d{1,9}(?:, \d{1,9}){0,9})\]')
SUBFILE_TYPE, INK_SET, COEFFICIENTS, REFERENCES, DNG_VERSION = 254, 332, 529, 532, 50706  # numbers of tags
STORAGE = PIXEL_STORAGE | {317, 320, 322, 323, 324, 325, 338, 339, 347}  # tags without which pixels are misread
READABLE = "8 or 16 bits a channel, or floating-point numbers, as grey, RGB or CMYK"


class Layout(NamedTuple):
    """What the tags of a TIFF's first page say; `page` is tifffile's, whose samples are not read yet."""

    page: tifffile.TiffPage
    colours: Colours
    bits: int
    is_float: bool
    extra: tuple[int, ...]
    orientation: int
    profile: bytes | None
    n_pages: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as stored."""
        return self.page.imagewidth, self.page.imagelength

    @property
    def alpha_kind(self) -> int:
        """Kind of the first extra sample: unspecified (no alpha), associated or straight alpha."""
        return self.extra[0] if self.extra else UNSPECIFIED


def read_layout(data: bytes) -> Layout:
    """Return the layout of a TIFF's first page; refuse one whose numbers could not be read rightly."""
    page = tifffile.TiffFile(io.BytesIO(data)).pages.first
    if page.imagewidth < 1 or page.imagelength < 1:
        raise ValueError("its first page has no size")
    if not isinstance(page.bitspersample, int):
        raise UnsupportedPicture(f"has channels of {page.bitspersample} bits, expected the same for all")
    if page.imagedepth != 1:
        raise UnsupportedPicture(f"has a volume of {page.imagedepth} slices, expected one picture")
    kinds = _subfile_types(data, page)
    layout = Layout(
        page,
        COLOURS.get(page.photometric, "other"),
        page.bitspersample,
        page.sampleformat == 3,
        _extra_samples(page),
        page.tags.valueof(274, 1),
        page.tags.valueof(34675),
        _count_pages(page, kinds),
    )
    _check_tags(data, page)
    _check_numbers(page)
    _check_kind(page, len(kinds))
    _check_colours(layout)
    return layout


def decode_tiff(data: bytes, layout: Layout, max_pixels: int) -> Picture:
    """Decode the first page of a TIFF, upright."""
    return _as_picture(_samples(data, layout, max_pixels), layout).turned(layout.orientation)


def decode_indices(data: bytes, layout: Layout, max_pixels: int) -> npt.NDArray[np.uint8]:
    """Return the palette indices (H, W) of the first page of a TIFF, upright."""
    return Picture(_samples(data, layout, max_pixels)[:, :, 0], None).turned(layout.orientation).colour


def _samples(data: bytes, layout: Layout, max_pixels: int) -> npt.NDArray[Any]:
    """Return the samples (H, W, samples) of the first page of a TIFF, as stored."""
    page = layout.page
    _check_segments(page, len(data), max_pixels)
    return read_samples(data, page) if page.compression in READ else _decode_by_tifffile(page)


def encode_tiff(
    pixels: npt.NDArray[Any], profile: bytes | None, resolution: tuple[float, float] | None = None
) -> bytes:
    """Encode uint8 or uint16 pixels (H, W), (H, W, 3) or (H, W, 4) with straight alpha, compressed by Deflate."""
    file = io.BytesIO()
    tifffile.imwrite(
        file,
        pixels,
        photometric="minisblack" if pixels.ndim == 2 else "rgb",
        byteorder="<",
        compression="zlib",
        extrasamples=["unassalpha"] if pixels.ndim == 3 and pixels.shape[2] == 4 else None,
        iccprofile=profile,
        resolution=resolution,
        resolutionunit=None if resolution is None else "INCH",
        metadata=None,
        software=False,
    )
    return file.getvalue()


def _check_tags(data: bytes, page: tifffile.TiffPage) -> None:
    """Refuse a page with a tag of its pixels that tifffile could not read, and would replace by a default."""
    form = page.parent.tiff
    (count,) = struct.unpack_from(form.tagnoformat, data, page.offset)
    start = page.offset + form.tagnosize
    for place in range(start, start + count * form.tagsize, form.tagsize):
        (number,) = struct.unpack_from(f"{form.byteorder}H", data, place)
        if number in STORAGE and number not in page.tags:
            raise ValueError(f"its tag {number} cannot be read")


def _extra_samples(page: tifffile.TiffPage) -> tuple[int, ...]:
    """Return the kinds of the samples beyond the colours; a fourth one of RGB that is not declared is straight."""
    colours = COLOURS.get(page.photometric, "other")
    count = page.samplesperpixel - N_COLOURS.get(colours, page.samplesperpixel)
    declared = tuple(int(kind) for kind in page.extrasamples)[: max(count, 0)]
    if not declared and colours == "RGB" and count == 1:
        return (STRAIGHT,)
    return declared + (UNSPECIFIED,) * (count - len(declared))


def _subfile_types(data: bytes, page: tifffile.TiffPage) -> list[int]:
    """Return NewSubfileType of every page, as far as the chain of directories is whole.

    tifffile would read all tags of each page, which takes minutes if the chain is damaged.
    """
    form, place, kinds = page.parent.tiff, page.offset, {}
    value = 4 + form.offsetsize  # place of the value in a tag: behind number, type and count
    while 0 < place < len(data) and place not in kinds:
        try:
            (count,) = struct.unpack_from(form.tagnoformat, data, place)
            start = place + form.tagnosize
            has_kind = struct.unpack_from(f"{form.byteorder}H", data, start)[0] == SUBFILE_TYPE  # the lowest tag
            kind = struct.unpack_from(f"{form.byteorder}I", data, start + value)[0] if has_kind else 0
            (following,) = struct.unpack_from(form.offsetformat, data, start + count * form.tagsize)
        except struct.error:
            break
        if count == 0:
            break
        kinds[place], place = kind, following
    return list(kinds.values())


def _count_pages(page: tifffile.TiffPage, kinds: list[int]) -> int:
    """Return the number of pictures, without the thumbnails and masks of another page.

    ImageJ and tifffile also store many pictures behind one page, and say so in its description.
    """
    described = 1
    if match := IMAGEJ_STACK.match(page.description):
        described = int(match[1])
    elif match := TIFFFILE_STACK.match(page.description):
        described = math.prod(int(length) for length in match[1].split(",")) // max(1, math.prod(page.shape))
    return max(1, sum(not kind & REDUCED_OR_MASK for kind in kinds), described)


def _check_numbers(page: tifffile.TiffPage) -> None:
    """Refuse kinds of number whose full scale is unknown or that no decoder here reads."""
    bits, kind = page.bitspersample, page.sampleformat
    if (kind == 1 and bits in (1, 2, 4, 8, 16)) or (kind == 3 and bits in (16, 32, 64)):
        return
    numbers = NUMBERS.get(kind, "numbers of an unknown kind")
    raise UnsupportedPicture(f"has {numbers} of {bits} bits, expected {READABLE}")


def _check_kind(page: tifffile.TiffPage, n_directories: int) -> None:
    """Refuse the raw files of cameras, whose first page is a thumbnail or holds the sensor's numbers."""
    is_thumbnail = page.subfiletype & REDUCED and (page.subifds or n_directories > 1)
    if DNG_VERSION in page.tags or is_thumbnail:
        what = "a thumbnail as its first page, as a camera's raw file has" if is_thumbnail else "a camera's raw pixels"
        raise UnsupportedPicture(f"has {what}, expected a developed picture")


def _check_colours(layout: Layout) -> None:
    """Refuse what the colours or the extra channels do not determine."""
    page = layout.page
    if layout.colours == "other":
        name = getattr(page.photometric, "name", page.photometric)
        raise UnsupportedPicture(f"has colours of the kind {name}, expected {READABLE}")
    if layout.colours in ("palette", "YCbCr") and (layout.bits > 8 or layout.is_float):
        raise UnsupportedPicture(f"has {layout.colours} colours of {layout.bits} bits, expected {READABLE}")
    if page.compression in FAX and (layout.bits, page.samplesperpixel) != (1, 1):
        raise UnsupportedPicture(f"has fax compression of {page.samplesperpixel} x {layout.bits} bits, expected 1 bit")
    needed = N_COLOURS[layout.colours]
    if page.samplesperpixel < needed:
        raise ValueError(f"{layout.colours} has {page.samplesperpixel} channels")
    is_packed = layout.bits in (2, 4) or (layout.bits < 8 and layout.colours in ("palette", "YCbCr"))
    if is_packed and page.samplesperpixel > 1:
        raise UnsupportedPicture(
            f"has {page.samplesperpixel} channels of {layout.bits} bits ({layout.colours}), expected {READABLE}"
        )
    if layout.colours == "YCbCr":
        _check_ycbcr(page)
    if layout.colours == "CMYK" and page.tags.valueof(INK_SET, 1) != 1:
        raise UnsupportedPicture(f"has inks other than cyan, magenta, yellow and black, expected {READABLE}")
    if layout.alpha_kind == ASSOCIATED and layout.colours not in ("grey", "RGB"):
        raise UnsupportedPicture(f"has {layout.colours} colours multiplied by an alpha, expected straight ones")
    most = 1 if needed == 1 else MAX_EXTRA
    if len(layout.extra) > most or any(layout.extra[1:]):
        raise UnsupportedPicture(
            f"has {page.samplesperpixel} channels, expected {layout.colours} and at most one alpha behind it"
        )


def _check_ycbcr(page: tifffile.TiffPage) -> None:
    """Refuse layouts of YCbCr that are hardly ever written."""
    if page.samplesperpixel != 3 or page.planarconfig == 2:
        raise UnsupportedPicture(
            f"has {page.samplesperpixel} channels{' in planes' * (page.planarconfig == 2)} as YCbCr, "
            "expected three channels stored together"
        )
    if page.compression == RAW and tuple(page.tags.valueof(SUBSAMPLING, (2, 2))) != (1, 1):
        raise UnsupportedPicture("has subsampled YCbCr colours without compression, expected a JPEG inside, or RGB")


def _check_segments(page: tifffile.TiffPage, file_size: int, max_pixels: int) -> None:
    """Refuse a page whose strips or tiles are missing, lie beyond the end of the file, or are too large."""
    height, width, *counts = segment_grid(page)
    if page.is_tiled and height * width > max_pixels + 2**20:
        raise ValueError(f"its tiles are {width} x {height} pixels")
    count = math.prod(counts)
    segments = list(zip(page.dataoffsets, page.databytecounts, strict=False))[:count]
    if len(segments) < count or not all(0 < start and 0 < size <= file_size - start for start, size in segments):
        raise ValueError("some of its pixels are missing")


def _decode_by_tifffile(page: tifffile.TiffPage) -> npt.NDArray[Any]:
    """Return the samples (H, W, samples) of a compression that tifffile decodes, most of them with imagecodecs."""
    try:
        tifffile.TIFF.DECOMPRESSORS[page.compression]
    except KeyError as error:
        name = getattr(page.compression, "name", page.compression)
        raise UnsupportedPicture(
            f"has compression {name}, expected none, Deflate, LZW, PackBits, LZMA, JPEG, WebP or fax "
            "(or: pip install imagecodecs)"
        ) from error
    planes = page.asarray(squeeze=False)[:, 0]  # (samples stored apart, H, W, samples stored together)
    samples = np.moveaxis(planes, 0, -1).reshape(page.imagelength, page.imagewidth, -1)
    return samples.astype(samples.dtype.newbyteorder("="), copy=False)


def _as_picture(samples: npt.NDArray[Any], layout: Layout) -> Picture:
    """Return samples (H, W, samples) as grey or straight RGB, and as transparency."""
    if layout.bits < 8 and layout.colours != "palette":
        samples = samples * np.uint8(BITS[layout.bits])
    count, scale = N_COLOURS[layout.colours], _full_scale(samples.dtype)
    colour, alpha = samples[:, :, :count], None
    if layout.colours == "palette":
        colours = _colour_map(layout.page)
        shift = 8 if colours.max() > 255 else 0  # some writers store bytes in place of 16 bits
        colour = np.moveaxis((colours >> shift).astype(np.uint8)[:, colour[:, :, 0]], 0, -1)
    elif layout.colours == "white is zero":
        colour = scale - colour
    elif layout.colours == "CMYK":
        share = colour.astype(np.float32) / np.float32(scale)
        colour = (1 - share[:, :, :3]) * (1 - share[:, :, 3:])
    elif layout.colours == "YCbCr" and layout.page.compression != JPEG:
        colour = _rgb_of_ycbcr(colour, layout.page)
    if layout.alpha_kind != UNSPECIFIED:
        alpha = samples[:, :, count]
        colour = _straight(colour, alpha) if layout.alpha_kind == ASSOCIATED else colour
    return Picture(colour[:, :, 0] if colour.shape[2] == 1 else colour, alpha)


def _colour_map(page: tifffile.TiffPage) -> npt.NDArray[np.uint16]:
    if page.colormap is None:
        raise ValueError("its palette is missing")
    return page.colormap


def _rgb_of_ycbcr(colour: npt.NDArray[np.uint8], page: tifffile.TiffPage) -> npt.NDArray[np.float32]:
    """Return RGB in [0, 1] by the page's luma coefficients and its codes of black and white (TIFF 6.0, section 21)."""
    red, green, blue = _rationals(page, COEFFICIENTS, (0.299, 0.587, 0.114))
    codes = _rationals(page, REFERENCES, (0, 255, 128, 255, 128, 255))
    black, white = codes[::2], codes[1::2]
    if not (green > 0 and (white > black).all()):
        raise ValueError("its coefficients of YCbCr are no colours")
    luma, chroma_blue, chroma_red = np.moveaxis((colour - black) * ((255, 127, 127) / (white - black)), 2, 0)
    r, b = luma + chroma_red * (2 - 2 * red), luma + chroma_blue * (2 - 2 * blue)
    pixels = np.dstack([r, (luma - blue * b - red * r) / green, b])
    return (pixels / 255).clip(0, 1).astype(np.float32)


def _rationals(page: tifffile.TiffPage, tag: int, default: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Return the numbers of a tag of fractions."""
    if tag not in page.tags:
        return np.array(default, np.float64)
    fractions = np.array(page.tags[tag].value, np.float64).reshape(len(default), 2)
    return fractions[:, 0] / fractions[:, 1]


def _full_scale(dtype: np.dtype[Any]) -> Any:
    return dtype.type(np.iinfo(dtype).max if dtype.kind == "u" else 1)


def _straight(colour: npt.NDArray[Any], alpha: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return float32 colours in [0, 1] divided by alpha; where alpha is 0, they are as stored."""
    scale = np.float32(_full_scale(colour.dtype))
    share, weight = colour.astype(np.float32) / scale, alpha.astype(np.float32)[:, :, None] / scale
    return np.divide(share, weight, out=share, where=weight > 0).clip(0, 1)
