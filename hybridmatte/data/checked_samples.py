"""Samples that are checked when they are read: their parts, the sizes of these, and whether a trimap says anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from hybridmatte._validation import to_float
from hybridmatte.automatic.mask_checks import INVERT
from hybridmatte.data.folders import Part, Sample
from hybridmatte.data.lazy_sequence import LazySequence
from hybridmatte.data.picture_warnings import InvertedMasks, SmallPictures, is_inverted
from hybridmatte.errors import warn_caller
from hybridmatte.trimap import split_trimap

__all__ = ["CheckedSamples", "Demands", "refuse_empty"]

COLOURS: tuple[Part, ...] = ("image", "foreground", "background")


class Demands(NamedTuple):
    """What a sample must have.

    Attributes
    ----------
    parts : sequence of str
        Parts that must be there.
    known : bool
        Whether a trimap needs a known pixel.
    smallest : int
        Side in pixels; samples with a shorter one are warned of.
    """

    parts: Sequence[Part]
    known: bool = False
    smallest: int = 0


class CheckedSamples(LazySequence[Sample]):
    """Samples as float32 in [0, 1], each checked when it is read; those of a list or tuple at once.

    Parameters
    ----------
    samples : sequence of Sample
    demands : Demands
    name : str, default "data"
        For the messages.

    Raises
    ------
    TypeError
        If samples is no sequence, or an item is no Sample.
    ValueError
        If there is no sample. Here, or when it is read, if a sample lacks a part, its parts differ in height or width,
        a part is no picture in [0, 1], or its trimap has no known pixel and needs one.

    Warns
    -----
    UserWarning
        If samples are smaller than `demands.smallest`, or have masks that are probably inverted.
    """

    def __init__(self, samples: Sequence[Sample], demands: Demands, name: str = "data") -> None:
        refuse_empty(samples, name)
        self._samples, self._demands, self._name = samples, demands, name
        self._small = SmallPictures(len(samples), demands.smallest)
        self._inverted = InvertedMasks(len(samples))
        self._is_in_memory = isinstance(samples, (list, tuple))
        if self._is_in_memory:
            shapes, n_inverted = [], 0
            for index in range(len(samples)):
                sample = self._checked(index, values=True)
                shapes.append(_shape_of(sample))
                n_inverted += "mask" in demands.parts and is_inverted(sample.mask)
            warn_of_small(shapes, demands.smallest, f"samples of {name}")
            warn_of_inverted(n_inverted, len(samples), name)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._samples)

    def _item(self, index: int) -> Sample:
        """Return one sample."""
        sample = self._checked(index)
        if not self._is_in_memory:
            self._small.look_at(index, f"sample {sample.name}", _shape_of(sample))
            if "mask" in self._demands.parts:
                self._inverted.look_at(index, sample.name, sample.mask)
        return sample

    def _checked(self, index: int, *, values: bool = False) -> Sample:
        """Return one sample as float32, or refuse it; the values of float32 parts are looked at on request."""
        sample: Any = self._samples[index]
        if not isinstance(sample, Sample):
            raise TypeError(f"{self._name}[{index}] is a {type(sample).__name__}, expected a Sample")
        for part in self._demands.parts:
            if getattr(sample, part) is None:
                needed = ", ".join(self._demands.parts)
                raise ValueError(f"{self._name}: sample {sample.name!r} has no {part}, expected one with {needed}")
        arrays = {part: array for part, array in sample._asdict().items() if part != "name" and array is not None}
        for part, array in arrays.items():
            name = f"{part} of sample {sample.name!r}"
            _refuse_other_dimensions(array, name, part)
            is_ready = array.dtype == np.float32 and not values
            arrays[part] = array if is_ready else to_float(array, name)
        _refuse_other_sizes(sample.name, arrays)
        if self._demands.known and "trimap" in arrays and split_trimap(arrays["trimap"]).is_unknown.all():
            raise ValueError(
                f"trimap of sample {sample.name!r} is unknown everywhere, expected known pixels: without alpha labels "
                "nothing else says what the object is"
            )
        return sample._replace(**arrays)


def refuse_empty(samples: Any, name: str) -> None:
    """Refuse what is no sequence, and a sequence without items."""
    if not hasattr(samples, "__len__") or not hasattr(samples, "__getitem__"):
        raise TypeError(f"{name} is a {type(samples).__name__}, expected a path or a sequence")
    if len(samples) == 0:
        raise ValueError(f"{name} has 0 samples, expected at least 1")


def warn_of_small(shapes: Sequence[tuple[int, ...]], smallest: int, what: str) -> None:
    """Warn once if some pictures in memory are smaller than crops."""
    n_small = sum(min(shape[:2]) < smallest for shape in shapes)
    if n_small:
        warn_caller(
            f"{n_small} of {len(shapes)} {what} are smaller than crops of {smallest}: they are mirrored at their "
            "borders",
            UserWarning,
        )


def warn_of_inverted(n_inverted: int, n_masks: int, name: str) -> None:
    """Warn once if some masks in memory are probably inverted."""
    if n_inverted:
        warn_caller(
            f"{n_inverted} of {n_masks} masks of {name} contain most of the image's border; {INVERT}", UserWarning
        )


def _refuse_other_dimensions(array: Any, name: str, part: str) -> None:
    """Refuse a part that is no array of colours or no plane."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} is a {type(array).__name__}, expected an array")
    is_colour = part in COLOURS
    is_right = array.ndim == 3 and array.shape[2] == 3 if is_colour else array.ndim == 2
    if not is_right or array.size == 0:
        raise ValueError(f"{name} has shape {array.shape}, expected {'(H, W, 3)' if is_colour else '(H, W)'}")


def _refuse_other_sizes(name: str, arrays: dict[str, Any]) -> None:
    """Refuse parts that differ in height or width. A background may, before it is composited with a foreground."""
    arrays = {part: array for part, array in arrays.items() if part != "background" or "image" in arrays}
    first = next(iter(arrays), "")
    for part, array in arrays.items():
        if array.shape[:2] != arrays[first].shape[:2]:
            raise ValueError(
                f"{part} of sample {name!r} has shape {array.shape[:2]} but its {first} has shape "
                f"{arrays[first].shape[:2]}, expected the same"
            )


def _shape_of(sample: Sample) -> tuple[int, ...]:
    """Return the shape of the first part that is there."""
    return next(array.shape for array in sample[1:] if isinstance(array, np.ndarray))
