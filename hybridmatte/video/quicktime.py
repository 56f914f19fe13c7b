"""The graphics mode of a QuickTime file, which tells whether colours are multiplied by alpha."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["is_marked_premultiplied", "mark_alpha"]

STRAIGHT_MODE, PREMULTIPLIED_MODE = 0x100, 0x102  # straight, and multiplied over black
MODE_PATH = ("moov", "trak", "mdia", "minf", "vmhd")


def mark_alpha(path: Path, *, premultiplied: bool) -> None:
    """Write the graphics mode into a file."""
    mode = PREMULTIPLIED_MODE if premultiplied else STRAIGHT_MODE
    with path.open("r+b") as file:
        place = _box(file, 0, path.stat().st_size, MODE_PATH)
        if place is not None:
            file.seek(place + 4)
            file.write(mode.to_bytes(2, "big"))


def is_marked_premultiplied(path: str) -> bool:
    """Return whether a file's graphics mode says that colours are multiplied by alpha."""
    with open(path, "rb") as file:
        place = _box(file, 0, Path(path).stat().st_size, MODE_PATH)
        if place is None:
            return False
        file.seek(place + 4)
        return int.from_bytes(file.read(2), "big") == PREMULTIPLIED_MODE


def _box(file: Any, start: int, end: int, names: tuple[str, ...]) -> int | None:
    """Return the place of the contents of the first box along a path of names, or None."""
    while start + 8 <= end:
        file.seek(start)
        head = file.read(16)
        size, name, inside = int.from_bytes(head[:4], "big"), head[4:8].decode("latin-1"), start + 8
        if size == 1:
            size, inside = int.from_bytes(head[8:16], "big"), start + 16
        size = size or end - start
        if size < 8:
            return None
        if name == names[0]:
            found = inside if len(names) == 1 else _box(file, inside, start + size, names[1:])
            if found is not None:
                return found
        start += size
    return None
