"""A note when Numba compiles a kernel: the first run of a command waits for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from hybridmatte.cli.streams import note

__all__ = ["COMPILING", "note_compilation"]

COMPILING = "compiling, once for all later runs; it takes up to half a minute"


@contextmanager
def note_compilation(say: Callable[[str], None] = note) -> Iterator[SimpleNamespace]:
    """Print one note if Numba compiles a kernel in the block; yield an object whose `is_seen` tells whether it has.

    Code that is read from disk makes no event, so there is no note in later runs.
    """
    from numba.core import event

    compilation = SimpleNamespace(is_seen=False)

    class NoteOnce(event.Listener):
        def on_start(self, _: event.Event) -> None:
            if not compilation.is_seen:
                compilation.is_seen = True
                say(COMPILING)

        def on_end(self, _: event.Event) -> None:
            pass

    with event.install_listener("numba:compile", NoteOnce()):
        yield compilation
