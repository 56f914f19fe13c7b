"""Errors of options as the sentences of the library: ``<option> is <what came>, expected <what>``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["sentence_of"]

EXPECTED = {
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "int_parsing": "an integer",
    "int_from_float": "an integer",
    "int_parsing_size": "a smaller integer",
    "bool_parsing": "true or false",
    "greater_than_equal": "at least {ge:g}",
    "less_than_equal": "at most {le:g}",
    "literal_error": "{expected}",
    "extra_forbidden": "no option of that name",
}  # by pydantic's name of the error
LONGEST = 100  # characters of a value in a message


def sentence_of(error: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the option that one of pydantic's errors is about, and the error as a sentence."""
    place = [part for part in error["loc"] if part not in ("query", "body", "path")]
    name = str(place[0])[:LONGEST] if place else None
    given = error.get("input")
    shown = repr(given if not isinstance(given, list) or given else "")[:LONGEST]
    expected = EXPECTED.get(error["type"], "another value").format(**error.get("ctx", {}))
    return name, f"{name or 'the request'} is {shown}, expected {expected}"
