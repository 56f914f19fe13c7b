"""A note when Numba compiles a kernel: the first run of a command waits for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from hybridmatte.cli.streams import note

__all__ = ["COMPILING", "note_compilation"]

COMPILING = "compiling what no earlier run needed, for all later ones; it takes up to half a minute"


@contextmanager
def note_compilation(say: Callable[[str], None] = note) -> Iterator[SimpleNamespace]:
    """Print one note if Numba compiles a kernel in the block; yield an object whose `is_seen` tells whether it has."""
    from hybridmatte.linalg.compilation import notice_compilation

    compilation = SimpleNamespace(is_seen=False)

    def tell() -> None:
        compilation.is_seen = True
        say(COMPILING)

    with notice_compilation(tell):
        yield compilation
