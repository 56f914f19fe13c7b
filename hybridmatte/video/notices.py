"""Warnings and errors of single frames, with the number of the frame."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from hybridmatte.errors import collected_warnings, warn_caller

__all__ = ["FrameNotices"]

NUMBER = re.compile(r"\d+(\.\d+)?")  # warnings that differ in numbers only are one kind


class _Run(NamedTuple):
    """A kind of warning in frames in a row: numbers of the first and the last, place and warning of the last."""

    first: int
    last: int
    index: int
    message: str
    category: type[Warning]


class FrameNotices:
    """Adds the number of the frame to warnings and errors.

    A kind of warning that comes in frames in a row is issued for the first of them, and then for the last one, with the
    numbers of both.

    Parameters
    ----------
    number_of : callable
        Returns the number of a frame, given how many came before it.
    """

    def __init__(self, number_of: Callable[[int], int]) -> None:
        self._number_of = number_of
        self._runs: dict[str, _Run] = {}

    @contextmanager
    def at(self, index: int) -> Iterator[None]:
        """Name a frame in the warnings and errors of the block; a key frame may come before others, and again."""
        said: list[tuple[str, type[Warning]]] = []
        try:
            with collected_warnings() as said:
                yield
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError  # subclasses may take other arguments
            raise kind(f"{error} (frame {self._number_of(index)})") from error
        finally:
            self._issue(said, index)

    def finish(self) -> None:
        """Issue what is left to say after the last frame."""
        for kind in list(self._runs):
            self._end(kind)

    def _issue(self, said: list[tuple[str, type[Warning]]], index: int) -> None:
        """Issue the warnings of a frame that the frame before did not have."""
        number = self._number_of(index)
        kinds = {NUMBER.sub("", message): (message, category) for message, category in said}
        for kind, run in list(self._runs.items()):
            is_left = index > run.index if kind not in kinds else index not in (run.index, run.index + 1)
            if is_left:
                self._end(kind)
        for kind, (message, category) in kinds.items():
            run = self._runs.get(kind)
            self._runs[kind] = _Run(number if run is None else run.first, number, index, message, category)
            if run is None:
                warn_caller(f"{message} (frame {number})", category)

    def _end(self, kind: str) -> None:
        """Issue the last warning of a run of more than one frame."""
        run = self._runs.pop(kind)
        if run.last > run.first:
            warn_caller(f"{run.message} (frame {run.last}, and all from {run.first} on)", run.category)
