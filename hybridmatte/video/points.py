"""In and out points of a clip: a frame's number, or a time in seconds."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from numbers import Integral, Real

from hybridmatte._validation import check_number

__all__ = ["Point", "chosen_range", "parse_point"]

Point = int | Fraction | float | None  # a whole number is a frame, another a time in seconds
CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)")
SECONDS = re.compile(r"(\d*\.\d+|\d+(?:\.\d*)?)s|(\d*\.\d+|\d+\.\d*)")


def parse_point(text: str | None, name: str) -> Point:
    """Return an in or out point as the command line gives it: 12 is a frame; 1.5, 1.5s and 0:01.5 are times."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    clock, seconds = CLOCK.fullmatch(text), SECONDS.fullmatch(text)
    if clock:
        return Fraction(clock[3]) + 60 * int(clock[2]) + 3600 * int(clock[1] or 0)
    if seconds:
        return Fraction(seconds[1] or seconds[2])
    raise ValueError(f"{name} is {text!r}, expected a frame such as 12, or a time such as 1.5s or 0:01.5")


def chosen_range(start: Point, end: Point, numbers: range, times: Sequence[Fraction], path: str) -> range:
    """Return the numbers of the frames from the in point up to the out point, which is the first that is left out.

    numbers are those of all frames, and times theirs in seconds from the beginning of the file.
    """
    for name, point in (("start", start), ("end", end)):
        _check(point, name)
    first = numbers.start if start is None else _number(start, numbers, times)
    stop = numbers.stop if end is None else _number(end, numbers, times)
    if not numbers.start <= first < numbers.stop:
        raise ValueError(f"start is {_shown(start)}, expected a place in {path}, {_extent(numbers, times)}")
    if end is not None and stop <= first:
        raise ValueError(
            f"end is {_shown(end)} and start is {_shown(start or first)}, expected an end behind the start"
        )
    return range(first, min(stop, numbers.stop))


def _check(point: Point, name: str) -> None:
    """Refuse what is neither a frame nor a time from the beginning on."""
    if isinstance(point, bool) or not isinstance(point, Real | None):
        raise TypeError(f"{name} is of type {type(point).__name__}, expected a frame, or a time in seconds")
    if isinstance(point, float | Fraction):
        check_number(float(point), name, low=0)


def _number(point: int | float | Fraction, numbers: range, times: Sequence[Fraction]) -> int:
    """Return a frame's number; for a time, that of the first frame that is not before it."""
    if isinstance(point, Integral):
        return int(point)
    return numbers.start + bisect_left(times, Fraction(point) + times[0])


def _shown(point: Point) -> str:
    return f"{float(point)} s" if isinstance(point, (Fraction, float)) else str(point)


def _extent(numbers: range, times: Sequence[Fraction]) -> str:
    return f"whose frames are {numbers.start} to {numbers.stop - 1}, {float(times[-1] - times[0]):g} s"
