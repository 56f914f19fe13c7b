"""A decoded picture, and the steps from stored numbers to colours that all formats share."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte.io.light import to_numbers

__all__ = ["Picture", "UnsupportedPicture", "to_uint8", "to_uint16"]

Plane = npt.NDArray[Any]  # uint8, uint16 or floating point


class Picture(NamedTuple):
    """A decoded file, upright: colour (H, W) or (H, W, 3), transparency (H, W) or None.

    is_light tells that the colours are linear light, of any size, and multiplied by the transparency.
    """

    colour: Plane
    transparency: Plane | None
    is_light: bool = False

    def turned(self, orientation: int) -> Picture:
        """Return the picture turned and mirrored by its EXIF orientation 1 to 8; other values change nothing."""
        alpha = self.transparency
        turned = None if alpha is None else _turned(alpha, orientation)
        return self._replace(colour=_turned(self.colour, orientation), transparency=turned)

    @property
    def straight_colour(self) -> Plane:
        """The colours without their multiplication by the transparency; as stored where that is 0."""
        alpha = self.transparency
        if not self.is_light or alpha is None:
            return self.colour
        divisor = np.where(alpha > 0, alpha, 1).astype(np.float32)
        return self.colour / (divisor if self.colour.ndim == 2 else divisor[:, :, None])

    @property
    def numbers(self) -> Plane:
        """The straight colours as numbers of a screen: sRGB in [0, 1] if they are linear light, else as stored."""
        if not self.is_light:
            return self.colour
        return to_numbers(self.straight_colour)


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
