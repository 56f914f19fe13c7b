"""Find the object of an image with a segmenter: `find_mask`, and the checks of what goes in and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_aspect, check_choice, check_image, check_number, check_plane
from hybridmatte.automatic.found import Found
from hybridmatte.automatic.refinement import enlarged
from hybridmatte.errors import is_interrupt

__all__ = ["Box", "Points", "Segmenter", "describe_mask", "found_in", "give_instead"]

Mask = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels of the image
Points = list[tuple[float, float, int]]  # x, y in pixels of the image, and 1 on the object or 0 beside it
CERTAIN_MAX, CERTAIN_MIN = 0.1, 0.9  # pixels of a mask between these values are uncertain
INSIDE_MIN = 0.5
OWN_ERRORS = (ValueError, TypeError, OSError, ImportError)  # of a built-in segmenter: sentences of their own
MAX_REASON = 300  # characters of another package's error


@dataclass(frozen=True)
class Segmenter:
    """A function that finds the object of an image, with its name and what it takes; call it like the function.

    Attributes
    ----------
    name : str
        As the command line gives it, such as ``onnx:isnet.onnx``.
    function : callable
        Takes an image, (H, W, 3) float32 RGB in [0, 1], and returns a mask, (h, w) floating point in [0, 1], of the
        same aspect ratio.
    takes_box, takes_points : bool
        Whether the function has keyword arguments `box` and `points`.
    is_built_in : bool
        Whether its errors are sentences that name it; the errors of other segmenters are put into such a sentence.
    """

    name: str
    function: Callable[..., Any]
    takes_box: bool = False
    takes_points: bool = False
    is_built_in: bool = False

    def __call__(
        self,
        image: npt.ArrayLike,
        *,
        box: Sequence[float] | None = None,
        points: Sequence[Sequence[float]] | None = None,
    ) -> Mask:
        """Return the checked mask of an image, at the size that the function gives; see `find_mask`."""
        image = check_image(image)
        self.check_prompts(box, points)
        prompts: dict[str, Any] = {}
        if box is not None:
            prompts["box"] = _check_box(box, image.shape[:2])
        if points is not None:
            prompts["points"] = _check_points(points, image.shape[:2])
        return self._check_mask(self._run(image, prompts), image.shape[:2])

    def check_prompts(self, box: object, points: object) -> None:
        """Refuse a box or points that the function does not take."""
        for name, value, is_taken in (("box", box, self.takes_box), ("points", points, self.takes_points)):
            if value is not None and not is_taken:
                raise ValueError(f"{name} is {value!r}, expected none: segmenter {self.name} takes no {name}")

    def _run(self, image: Mask, prompts: dict[str, Any]) -> object:
        """Call the function with a copy of the image, which it may change; its error becomes one sentence."""
        try:
            return self.function(image.copy(), **prompts)
        except Exception as error:
            if is_interrupt(error) or isinstance(error, MemoryError):
                raise
            if self.is_built_in and isinstance(error, OWN_ERRORS):
                raise
            raise ValueError(f"segmenter {self.name} raised {reason_of(error)}, expected a mask") from error

    def _check_mask(self, mask: object, shape: tuple[int, int]) -> Mask:
        """Refuse what is no soft mask of the image."""
        label = f"mask of segmenter {self.name}"
        if not isinstance(mask, np.ndarray):
            raise ValueError(f"{label} is a {type(mask).__name__}, expected a NumPy array (h, w)")
        if mask.dtype.kind not in "fb":
            raise ValueError(f"{label} has dtype {mask.dtype}, expected float32 in [0, 1]")
        if mask.ndim != 2:
            raise ValueError(f"{label} has shape {mask.shape}, expected (h, w)")
        plane = check_plane(mask, label)
        check_aspect(plane.shape, label, shape)
        return plane


def reason_of(error: BaseException) -> str:
    """Return the kind and the text of another package's error, in one line."""
    text = " ".join(str(error).split())
    text = text if len(text) <= MAX_REASON else text[:MAX_REASON] + " ..."
    return f"{type(error).__name__} ({text})" if text else type(error).__name__


def at_size_of(mask: Mask, image: Mask) -> Mask:
    """Return a mask at the size of its image, by bilinear interpolation, in [0, 1]."""
    return enlarged(mask, image.shape[:2])


def found_in(mask: Mask) -> Found:
    """Return how much of the image a mask (H, W) covers, and on how many of its pixels the segmenter is certain.

    A pixel is certain if the mask is at most 0.1 or at least 0.9 there.
    """
    is_certain = (mask <= CERTAIN_MAX) | (mask >= CERTAIN_MIN)
    return Found(float((mask >= INSIDE_MIN).mean()), float(is_certain.mean()))


def describe_mask(mask: Mask) -> str:
    """Say how much of the image a mask (H, W) covers, and on how many of its pixels the segmenter is certain."""
    return str(found_in(mask))


def _check_box(box: Sequence[float], shape: tuple[int, int]) -> Box:
    """Return a box as numbers; refuse one that is empty or leaves the image."""
    height, width = shape
    expected = f"expected x0, y0, x1, y1 with 0 <= x0 < x1 <= {width} and 0 <= y0 < y1 <= {height}"
    if isinstance(box, str) or np.shape(box) != (4,):
        raise ValueError(f"box is {box!r}, {expected}")
    x0, y0, x1, y1 = (check_number(_plain(value), "box") for value in box)
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise ValueError(f"box is {x0:g}, {y0:g}, {x1:g}, {y1:g}, {expected}")
    return x0, y0, x1, y1


def _check_points(points: Sequence[Sequence[float]], shape: tuple[int, int]) -> Points:
    """Return points as (x, y, label); refuse points beside the image, and points without one on the object."""
    if isinstance(points, str) or not np.iterable(points) or not len(points):
        raise ValueError(f"points is {points!r}, expected at least one (x, y) or (x, y, label)")
    return [_check_point(point, shape) for point in points]


def _check_point(point: Sequence[float], shape: tuple[int, int]) -> tuple[float, float, int]:
    """Return a point as (x, y, label); the label is 1 (on the object) if none is given."""
    height, width = shape
    if isinstance(point, str) or np.shape(point) not in ((2,), (3,)):
        raise ValueError(f"a point is {point!r}, expected (x, y) or (x, y, label)")
    x, y = (check_number(_plain(value), "a point") for value in point[:2])
    label = int(check_choice(_plain(point[2]), "the label of a point", (0, 1))) if len(point) == 3 else 1
    if not (0 <= x <= width and 0 <= y <= height):
        raise ValueError(f"a point is ({x:g}, {y:g}), expected 0 <= x <= {width} and 0 <= y <= {height}")
    return x, y, label


def _plain(value: Any) -> Any:
    """Return a NumPy scalar as Python's number, and anything else as it is."""
    return value.item() if isinstance(value, np.generic) else value


def give_instead(other: str) -> str:
    """Say what to give where the object is not found: a mask, or what else finds it."""
    return f"give --mask, for a clip --masks, or {other} (in Python matte_from_mask, masks= for a clip, or segmenter=)"
