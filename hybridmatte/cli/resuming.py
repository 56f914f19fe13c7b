"""``--resume``: which files are taken as finished, and what is said of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from hybridmatte.cli.streams import N_NAMED, note

__all__ = ["form_of", "is_written", "note_finished"]

PNG_HEAD = b"\x89PNG\r\n\x1a\n"
DEPTH, COLOUR = 24, 25  # places of two bytes in a PNG
COLOURS = {0: "grey", 2: "RGB", 3: "a palette", 4: "grey with transparency", 6: "RGBA"}


def is_written(file: Path | BinaryIO) -> bool:
    """Return whether a file exists and is not empty; files are written whole, so it is then finished."""
    return isinstance(file, Path) and file.is_file() and file.stat().st_size > 0


def note_finished(files: list[Path], form: str) -> None:
    """Say that files are taken as finished, and name those that the options of the command cannot have written.

    The form is what the options write, see `form_of`. Other options, such as the method, leave no trace in a file.
    """
    if not files:
        return
    note(
        f"{_number(len(files))} taken as finished: --resume does not compare options; without it, --force writes all "
        "again"
    )
    others = {file: found for file in files if (found := _form_in(file)) not in (None, form)}
    if others:
        named = [f"{file} ({found})" for file, found in list(others.items())[:N_NAMED]]
        more = ", ..." if len(others) > N_NAMED else ""
        note(f"warning: {_number(len(others))} of other options, which write {form}: {', '.join(named)}{more}")


def form_of(*, bits: int, transparent: bool, is_alpha: bool) -> str:
    """Return the channels and bits of a result."""
    return f"{'RGBA' if transparent else 'grey' if is_alpha else 'RGB'} of {bits} bits"


def _form_in(file: Path) -> str | None:
    """Return the channels and bits of a PNG; None for another file, and for one that this user may not read."""
    if not os.access(file, os.R_OK):
        return None
    with file.open("rb") as opened:
        head = opened.read(COLOUR + 1)
    if not head.startswith(PNG_HEAD) or len(head) <= COLOUR:
        return None
    return f"{COLOURS.get(head[COLOUR], 'unknown colours')} of {head[DEPTH]} bits"


def _number(n: int) -> str:
    return f"{n} file" if n == 1 else f"{n} files"
