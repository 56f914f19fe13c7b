"""The options `box` and `point` of a request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hybridmatte._validation import numbers_in

__all__ = ["prompts_of"]


def prompts_of(box: str | None, points: Sequence[str] | None) -> dict[str, Any]:
    """Return box and points as numbers; a sign before a point says whether it is on the object or beside it."""
    corners = None if box is None else _numbers(box, "box", (4,), "X0,Y0,X1,Y1")
    return {"box": corners, "point": [_point(text) for text in points or ()] or None}


def _point(text: str) -> tuple[float, ...]:
    """Return a point as (x, y, label); a plus sign that was not escaped comes as a space."""
    sign, place = text[:1], text[1:] if text[:1] in ("+", "-", " ") else text
    numbers = _numbers(place, "point", (2, 3), "X,Y, +X,Y, -X,Y or X,Y,0")
    return numbers if len(numbers) == 3 else (*numbers, 0 if sign == "-" else 1)


def _numbers(text: str, name: str, counts: tuple[int, ...], expected: str) -> tuple[float, ...]:
    """Return the numbers of an option, separated by commas."""
    numbers = numbers_in(text, counts)
    if numbers is None:
        raise ValueError(f"{name} is {text[:100]!r}, expected {expected}")
    return numbers
