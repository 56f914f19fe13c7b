"""The files that the name of shards stands for: one, a pattern, or ranges in braces as webdataset writes them."""

from __future__ import annotations

import glob
import os
import re

from hybridmatte.batch.parts import is_remote
from hybridmatte.batch.stores import Stores

__all__ = ["expanded"]

BRACES = re.compile(r"\{([^{}]*)\}")
RANGE = re.compile(r"(\d+)\.\.(\d+)")


def expanded(text: str, stores: Stores) -> list[str]:
    """Return the names of the shards, in order; refuse names that stand for none."""
    names = _braced(text)
    if len(names) == 1 and any(sign in text for sign in "*?["):
        names = stores.names(text) if is_remote(text) else sorted(glob.glob(text))
        if not names:
            raise ValueError(f"INPUT {text} matches no file, expected a pattern such as 'shards/*.tar'")
    for name in names:
        if not is_remote(name) and not os.path.isfile(name):
            raise FileNotFoundError(f"INPUT {name} does not exist, expected a file of shards")
    return names


def _braced(text: str) -> list[str]:
    """Return the names that braces give: ``{000..007}`` a range of equal width, ``{a,b}`` a list."""
    match = BRACES.search(text)
    if match is None:
        return [text]
    span = RANGE.fullmatch(match[1])
    if span is not None:
        first, last = int(span[1]), int(span[2])
        parts = [f"{number:0{len(span[1])}d}" for number in range(first, last + 1)]
    elif "," in match[1]:
        parts = match[1].split(",")
    else:
        raise ValueError(f"INPUT {text} has {match[0]}, expected a range such as {{000..007}} or a list {{a,b}}")
    return [f"{text[: match.start()]}{part}{end}" for part in parts for end in _braced(text[match.end() :])]
