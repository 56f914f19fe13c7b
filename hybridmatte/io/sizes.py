"""Compare the sizes of two pictures by their headers, before either is decoded.

A file of some kilobytes may hold pixels that take gigabytes in memory. A size is as stored: what turns a picture, its
EXIF orientation, may stand behind the pixels. So a height and a width may be exchanged here.
"""

from __future__ import annotations

from hybridmatte._validation import check_aspect, check_same_shape
from hybridmatte.io.formats import MAX_PIXELS
from hybridmatte.io.pictures import read_size
from hybridmatte.io.streams import Source

__all__ = ["check_similar_sizes", "check_sizes"]


def check_sizes(image: Source, plane: Source, name: str, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Refuse a trimap, mask or alpha, as `name` says, that has not the size of its image, upright or turned.

    Returns the height and width of the image as stored.
    """
    size, expected = read_size(plane, name, max_pixels=max_pixels), read_size(image, max_pixels=max_pixels)
    if sorted(size) != sorted(expected):
        check_same_shape(size, name, expected, "image")
    return expected


def check_similar_sizes(image: Source, plane: Source, name: str, *, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Refuse a mask or alpha, as `name` says, whose aspect ratio is not that of its image, upright or turned.

    Returns the height and width of the image as stored.
    """
    size, expected = read_size(plane, name, max_pixels=max_pixels), read_size(image, max_pixels=max_pixels)
    try:
        check_aspect(size[::-1], name, expected)
    except ValueError:
        check_aspect(size, name, expected)
    return expected
