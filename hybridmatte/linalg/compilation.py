"""Whether Numba compiles kernels, which somebody may wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["notice_compilation"]


@contextmanager
def notice_compilation(say: Callable[[], object]) -> Iterator[None]:
    """Call `say` once if Numba compiles a kernel in the block; code that is read from disk makes no call."""
    from numba.core import event

    class Once(event.Listener):
        is_told = False

        def on_start(self, _: event.Event) -> None:
            if not self.is_told:
                self.is_told = True
                say()

        def on_end(self, _: event.Event) -> None:
            pass

    with event.install_listener("numba:compile", Once()):
        yield
