"""Warnings of pictures that are smaller than the crops made of them."""

from __future__ import annotations

import warnings
from ctypes import Array
from multiprocessing.sharedctypes import RawArray
from typing import Any

import numpy as np

__all__ = ["SmallPictures", "count_flags"]


class SmallPictures:
    """Counts pictures that are smaller than crops, and warns of the 1st, 10th, 100th, ... of them.

    Worker processes share the counts. Because of this shared memory, an object can be passed to a process that starts,
    but cannot be pickled otherwise.

    Parameters
    ----------
    count : int
        Number of pictures.
    wanted : int
        Smallest side in pixels that a picture should have.
    """

    def __init__(self, count: int, wanted: int) -> None:
        self._is_small, self._wanted = RawArray("b", count), wanted

    def look_at(self, index: int, name: str, shape: tuple[int, ...]) -> None:
        """Warn of a picture of that index, name and shape if it is too small and the next to be reported."""
        if min(shape[:2]) >= self._wanted or self._is_small[index]:
            return
        self._is_small[index] = True
        count = count_flags(self._is_small)
        if count == 10 ** (len(str(count)) - 1):
            warnings.warn(
                f"{name} is {shape[1]} x {shape[0]}, smaller than crops of {self._wanted}: it is mirrored at its "
                f"borders ({count} so far)",
                stacklevel=5,
            )


def count_flags(flags: Array[Any]) -> int:
    """Return the number of flags that are set."""
    return int(np.count_nonzero(np.frombuffer(memoryview(flags), np.int8)))
