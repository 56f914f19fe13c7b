"""Notes during long work; on the first use, other processes help to compile.

This module, its two uses in `folder_run.py` and the command `compile` are all that the command line has to do with
compilation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Event, Thread

from hybridmatte.batch.pairing import Job
from hybridmatte.cli.streams import note

__all__ = ["COMPILING", "STILL_WORKING", "notes_while"]

SECONDS_OF_SILENCE = 4.0
STILL_WORKING = "still working"
COMPILING = "compiling, once for all runs to come; it takes a minute or two"
FLOW_PARTS = ("flow_from_known", "conjugate_gradients")  # of `hybridmatte.compilation.PARTS`
BEST_PARTS = (*FLOW_PARTS, "sampling", "network")
COLOUR_PARTS = ("colours",)


@contextmanager
def notes_while(work: Callable[[Job], object], *, say: Callable[[str], None] = note,
                say_working: bool = False) -> Iterator[None]:
    """Print a note when the block takes long, and one when it compiles; then let other processes help to compile."""
    done = Event()
    with ExitStack() as helpers:
        watcher = Thread(target=_watch, args=(done, helpers, work, say, say_working), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            done.set()
            watcher.join()


def _watch(done: Event, helpers: ExitStack, work: Callable[[Job], object], say: Callable[[str], None],
           say_working: bool) -> None:
    """Look every few seconds whether code is being compiled, until `done` is set."""
    from hybridmatte.compilation import compiling_ahead, is_compiling

    while not done.wait(SECONDS_OF_SILENCE):
        if is_compiling():
            say(COMPILING)
            helpers.enter_context(compiling_ahead(_parts_of(work)))
            return
        if say_working:
            say(STILL_WORKING)
            say_working = False


def _parts_of(work: Callable[[Job], object]) -> tuple[str, ...]:
    """Return the parts of `hybridmatte.compilation.PARTS` that a function of `hybridmatte.batch.work` needs."""
    from hybridmatte.batch.work import automatic_file, cutout_file, matte_file

    if not isinstance(work, partial):
        return ()
    if work.func is automatic_file:
        return () if work.keywords["alpha_only"] else COLOUR_PARTS
    if work.func not in (matte_file, cutout_file):
        return ()
    solver_parts = FLOW_PARTS if work.keywords["quality"] == "fast" else BEST_PARTS
    return (*(solver_parts if work.keywords["method"] is None else ()),
            *(COLOUR_PARTS if work.func is cutout_file else ()))
