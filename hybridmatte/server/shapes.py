"""The files and the outputs of each command. Imports nothing heavy."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["SHAPES", "Shape"]


class Shape(NamedTuple):
    """The parts of a command's form, and its outputs, the first of which is the default."""

    required: tuple[tuple[str, ...], ...]  # of each group, one part at least
    optional: tuple[str, ...]
    outputs: tuple[str, ...]


SHAPES = {
    "auto": Shape((("image",),), ("mask", "background"), ("cutout", "alpha", "trimap", "confidence", "foreground")),
    "matte": Shape((("image",), ("trimap",)), (), ("alpha", "cutout", "foreground", "confidence", "trimap")),
    "cutout": Shape(
        (("image",), ("trimap",)), ("background",), ("cutout", "alpha", "foreground", "confidence", "trimap")
    ),
    "refine": Shape((("image",), ("alpha",)), ("trimap",), ("alpha", "cutout", "foreground")),
    "trimap": Shape((("mask", "alpha"),), (), ("trimap",)),
    "composite": Shape((("image",),), ("alpha", "background"), ("composite",)),
    "decode": Shape((("image",),), (), ("image",)),
}
