"""A decoded picture, and the steps from stored numbers to colours that all formats share."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Picture", "UnsupportedPicture", "to_uint8", "to_uint16"]

Plane = npt.NDArray[Any]  # uint8, uint16 or floating point


class Picture(NamedTuple):
    """A decoded file, upright: colour (H, W) or (H, W, 3), transparency (H, W) or None."""

    colour: Plane
    transparency: Plane | None

    def turned(self, orientation: int) -> Picture:
        """Return the picture turned and mirrored by its EXIF orientation 1 to 8; other values change nothing."""
        alpha = self.transparency
        return Picture(_turned(self.colour, orientation), None if alpha is None else _turned(alpha, orientation))


class UnsupportedPicture(ValueError):
    """A whole file of a kind that cannot be read; the message says ``has <what came>, expected <what>``."""


def to_uint8(array: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """Return an array in [0, 1] as uint8, rounded to nearest."""
    return np.rint(np.clip(array, 0.0, 1.0) * 255.0).astype(np.uint8)


def to_uint16(array: npt.ArrayLike) -> npt.NDArray[np.uint16]:
    """Return an array in [0, 1] as uint16, rounded to nearest."""
    return np.rint(np.clip(array, 0.0, 1.0) * 65535.0).astype(np.uint16)


def _turned(plane: Plane, orientation: int) -> Plane:
    if orientation not in range(2, 9):
        return plane
    if orientation >= 5:
        plane = plane.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return plane[::rows, ::columns]
