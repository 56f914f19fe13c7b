"""Warnings of pictures of a data set that have a fault, such as a size below that of crops."""

from __future__ import annotations

import multiprocessing
import warnings
from ctypes import Array
from typing import Any

import numpy as np

from hybridmatte._validation import to_float
from hybridmatte.automatic.mask_checks import INVERT, is_border_inside

__all__ = ["CountedWarnings", "InvertedMasks", "SmallPictures", "count_flags", "is_inverted"]


class CountedWarnings:
    """Counts pictures with a fault, and warns of the 1st, 2nd, 5th, 10th, 20th, 50th, 100th, ... of them.

    Worker processes share the counts. Because of this shared memory, an object can be passed to a process that starts,
    but cannot be pickled otherwise.

    Parameters
    ----------
    count : int
        Number of pictures.
    """

    def __init__(self, count: int) -> None:
        self._flags = multiprocessing.Array("b", count)

    def warn(self, index: int, message: str) -> None:
        """Count the picture of that index, once, and warn if it is the next to be reported."""
        with self._flags.get_lock():
            if self._flags[index]:
                return
            self._flags[index] = True
            count = count_flags(self._flags.get_obj())
        if count in (factor * 10 ** (len(str(count)) - 1) for factor in (1, 2, 5)):
            warnings.warn(f"{message} ({count} so far)", stacklevel=6)


class InvertedMasks:
    """Counts masks that are probably inverted, and warns of some of them, see `CountedWarnings`.

    Parameters
    ----------
    count : int
        Number of masks.
    """

    def __init__(self, count: int) -> None:
        self._warnings = CountedWarnings(count)

    def look_at(self, index: int, name: str, mask: Any) -> None:
        """Warn of the mask (H, W) of a sample of that index and name if it seems inverted and is to be reported."""
        if is_inverted(mask):
            message = f"mask of sample {name!r} contains most of the image's border; {INVERT}"
            self._warnings.warn(index, message)


def is_inverted(mask: Any) -> bool:
    """Return whether the mask (H, W) of a sample is probably inverted."""
    return is_border_inside(to_float(mask, "mask"))


class SmallPictures:
    """Counts pictures that are smaller than crops, and warns of some of them, see `CountedWarnings`.

    Parameters
    ----------
    count : int
        Number of pictures.
    wanted : int
        Smallest side in pixels that a picture should have.
    """

    def __init__(self, count: int, wanted: int) -> None:
        self._warnings, self._wanted = CountedWarnings(count), wanted

    def look_at(self, index: int, name: str, shape: tuple[int, ...]) -> None:
        """Warn of a picture of that index, name and shape if it is too small and the next to be reported."""
        if min(shape[:2]) < self._wanted:
            size = f"{shape[1]} x {shape[0]}, smaller than crops of {self._wanted}"
            self._warnings.warn(index, f"{name} is {size}: it is mirrored at its borders")


def count_flags(flags: Array[Any]) -> int:
    """Return the number of flags that are set."""
    return int(np.count_nonzero(np.frombuffer(memoryview(flags), np.int8)))
