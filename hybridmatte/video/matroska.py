"""Whether a Matroska or WebM file is whole: its segment says how long it is."""

from __future__ import annotations

import os
from typing import BinaryIO

__all__ = ["is_cut"]

HEAD, SEGMENT = 0x1A45DFA3, 0x18538067  # elements of EBML and Matroska


def is_cut(path: str) -> bool:
    """Return whether a file is Matroska and ends before its segment does.

    FFmpeg reads such a file to its end without an error. A file that was written into a pipe does not say its length.
    """
    with open(path, "rb") as file:
        if _number(file, is_length=False) != HEAD:
            return False
        length = _number(file)
        if length is None:
            return False
        file.seek(length, os.SEEK_CUR)
        if _number(file, is_length=False) != SEGMENT:
            return False
        length = _number(file)
        return length is not None and file.tell() + length > os.path.getsize(path)


def _number(file: BinaryIO, *, is_length: bool = True) -> int | None:
    """Read a number of EBML: the zeros before its first bit tell its bytes; None for an unknown length, or no number.

    The first bit belongs to the name of an element, but not to its length.
    """
    first = file.read(1)
    if not first or not first[0]:
        return None
    n_bytes = 9 - first[0].bit_length()
    rest = file.read(n_bytes - 1)
    if len(rest) < n_bytes - 1:
        return None
    value = int.from_bytes(first + rest, "big")
    if not is_length:
        return value
    value &= (1 << 7 * n_bytes) - 1
    return None if value == (1 << 7 * n_bytes) - 1 else value
