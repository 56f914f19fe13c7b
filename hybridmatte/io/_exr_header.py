"""The header of an OpenEXR file, read without a library, so that its size is known before anything is decoded.

The layout is that of the OpenEXR file format: a magic number, a version with flags, and for each part attributes of a
name, a type, a size and a value, in little-endian order.
"""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import NamedTuple

from hybridmatte.io._picture import UnsupportedPicture

__all__ = ["ExrHeader", "read_exr_header"]

START = 8  # bytes of the magic number, the version and the flags
DEEP, PARTS = 0x800, 0x1000  # flags
MAX_NAME = 255
TYPES = ("uint32", "float16", "float32")  # by their numbers
COLOURS = ("R", "G", "B")
CHROMA = {"RY", "BY"}
ASPECT_MIN = 0.01  # of pixels
LISTED = 12  # channels in a message


class ExrHeader(NamedTuple):
    """The first part of an OpenEXR file.

    display and data are the first and last pixel (x0, y0, x1, y1) of the picture, and of what is stored of it. colour
    has the names of the channels for red, green and blue, or of one channel; transparency is that of alpha, or None.
    types are the NumPy types of these, in this order. rate is in frames a second. pixel_aspect is the width of a pixel
    by its height.
    """

    display: tuple[int, int, int, int]
    data: tuple[int, int, int, int]
    colour: tuple[str, ...]
    transparency: str | None
    types: tuple[str, ...]
    n_parts: int
    chromaticities: tuple[float, ...] | None = None
    rate: Fraction | None = None
    pixel_aspect: float = 1.0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return _size_of(self.display)

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height of what is stored, which may be more or less than the picture."""
        return _size_of(self.data)


def read_exr_header(content: bytes) -> ExrHeader:
    """Return the header of a file; raise an UnsupportedPicture for channels that are no picture."""
    flags = struct.unpack_from("<I", content, 4)[0]
    attributes, end = _attributes(content, START)
    n_parts = 1
    while flags & PARTS and content[end : end + 1] != b"\0":
        n_parts, end = n_parts + 1, _attributes(content, end)[1]
    if flags & DEEP:
        raise UnsupportedPicture("has deep pixels, expected flat ones")
    windows = [struct.unpack("<4i", attributes[name][:16]) for name in ("displayWindow", "dataWindow")]
    if any(x1 < x0 or y1 < y0 for x0, y0, x1, y1 in windows):
        raise ValueError("a window without pixels")
    channels = _channels(attributes["channels"])
    colour, transparency = _chosen_channels(channels)
    chosen = colour if transparency is None else (*colour, transparency)
    chromaticities, rate = attributes.get("chromaticities"), attributes.get("framesPerSecond")
    return ExrHeader(
        windows[0],
        windows[1],
        colour,
        transparency,
        tuple(TYPES[channels[name][0]] for name in chosen),
        n_parts,
        None if chromaticities is None else struct.unpack("<8f", chromaticities),
        _rate(rate),
        _pixel_aspect(attributes.get("pixelAspectRatio")),
    )


def _size_of(window: tuple[int, int, int, int]) -> tuple[int, int]:
    return window[2] - window[0] + 1, window[3] - window[1] + 1


def _rate(value: bytes | None) -> Fraction | None:
    """Return frames a second of an attribute; None if there is none, or none above 0."""
    if value is None:
        return None
    numerator, denominator = struct.unpack("<iI", value)
    return Fraction(numerator, denominator) if numerator > 0 and denominator > 0 else None


def _pixel_aspect(value: bytes | None) -> float:
    """Return the width of a pixel by its height; 1 if none is told, or none that can be."""
    aspect = 1.0 if value is None else float(struct.unpack("<f", value)[0])
    return aspect if ASPECT_MIN <= aspect <= 1 / ASPECT_MIN else 1.0


def _attributes(content: bytes, place: int) -> tuple[dict[str, bytes], int]:
    """Return the attributes of the part that begins at a place, and the place behind it."""
    attributes = {}
    while True:
        name, place = _name(content, place)
        if not name:
            return attributes, place
        _, place = _name(content, place)
        size = struct.unpack_from("<i", content, place)[0]
        place += 4
        if size < 0 or place + size > len(content):
            raise ValueError("the header is cut off")
        attributes[name] = content[place : place + size]
        place += size


def _name(content: bytes, place: int) -> tuple[str, int]:
    """Return the text that ends at a zero byte, and the place behind that."""
    end = content.index(b"\0", place, place + MAX_NAME + 1)
    return content[place:end].decode("latin-1"), end + 1


def _channels(value: bytes) -> dict[str, tuple[int, int, int]]:
    """Return the type of each channel, and the pixels that one value stands for along x and y, by name."""
    channels, place = {}, 0
    while value[place : place + 1] != b"\0":
        name, place = _name(value, place)
        channels[name] = (struct.unpack_from("<i", value, place)[0], *struct.unpack_from("<ii", value, place + 8))
        place += 16
    return channels


def _chosen_channels(channels: dict[str, tuple[int, int, int]]) -> tuple[tuple[str, ...], str | None]:
    """Return the channels of colour and of alpha: without a layer's name, or of the only layer that has colours."""
    layers = sorted({name.rpartition(".")[0] for name in channels})
    with_colour = [layer for layer in layers if all(_in(layer, colour) in channels for colour in COLOURS)]
    listed = ", ".join(list(channels)[:LISTED]) + (", ..." if len(channels) > LISTED else "")
    if "" in with_colour or len(with_colour) == 1:
        layer = "" if "" in with_colour else with_colour[0]
        colour = tuple(_in(layer, colour) for colour in COLOURS)
    elif "Y" in channels and not CHROMA & set(channels) or len(channels) == 1:
        layer, colour = "", ("Y",) if "Y" in channels else tuple(channels)
    else:
        raise UnsupportedPicture(f"has the channels {listed}, expected R, G and B, or one channel such as Y")
    alpha = _in(layer, "A")
    chosen = (*colour, alpha) if alpha in channels and alpha not in colour else colour
    if any(channels[name][1:] != (1, 1) for name in chosen):
        raise UnsupportedPicture("has channels of lower resolution, expected one value a pixel")
    return colour, chosen[-1] if len(chosen) > len(colour) else None


def _in(layer: str, channel: str) -> str:
    return f"{layer}.{channel}" if layer else channel
