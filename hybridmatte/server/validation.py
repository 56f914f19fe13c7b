"""Errors of options as the sentences of the library: ``<option> is <what came>, expected <what>``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from hybridmatte.server.commands import LEFT_OUT

__all__ = ["LONGEST", "meant", "sentence_of"]

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
}  # by pydantic's name of the error
LONGEST = 100  # characters of a value in a message


def meant(given: str, known: Sequence[str]) -> str:
    """Return the known name that is nearest to a wrong one, as a question in brackets; nothing if none is near."""
    nearest = get_close_matches(given.lower().replace("-", "_")[:LONGEST], known, n=1)
    return f" (is {nearest[0]} meant?)" if nearest else ""


def _no_option(name: str, options: Sequence[str], path: str) -> str:
    """Return what is expected in place of an option that a path does not have."""
    reason = LEFT_OUT.get(name.replace("-", "_"))
    hint = meant(name, options) if reason is None else f" ({reason})"
    return f"no option of that name{hint}: {path} has {', '.join(sorted(options))}"


def sentence_of(error: Mapping[str, Any], options: Sequence[str], path: str) -> tuple[str | None, str]:
    """Return the option that one of pydantic's errors is about, and the error as a sentence.

    `options` are those of the path.
    """
    place = [part for part in error["loc"] if part not in ("query", "body", "path")]
    name = str(place[0])[:LONGEST] if place else None
    given = error.get("input")
    shown = repr(given if not isinstance(given, list) or given else "")[:LONGEST]
    if error["type"] == "extra_forbidden" and name is not None:
        return name, f"{name} is {shown}, expected {_no_option(name, options, path)}"
    expected = EXPECTED.get(error["type"], "another value").format(**error.get("ctx", {}))
    return name, f"{name or 'the request'} is {shown}, expected {expected}"
