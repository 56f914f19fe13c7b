"""Warnings and errors that hybridmatte adds to Python's own, and the memory of an interrupt."""

from __future__ import annotations

import signal
import sys
import warnings
from _thread import interrupt_main
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from threading import Event, Timer, current_thread, main_thread
from types import FrameType

__all__ = [
    "ConvergenceWarning",
    "MissingExtraError",
    "collected_warnings",
    "is_interrupt",
    "remembering_interrupts",
    "require_extra",
    "warn_caller",
]

INSIDE = (__package__, "contextlib")  # whose code stands between a warning and the line that called the package
REPEAT_SECONDS = 0.05  # from a dropped Ctrl-C to its repetition

_interrupted = Event()
_answered = Event()  # `is_interrupt` has told of the interrupt
_collected: ContextVar[list[tuple[str, type[Warning]]] | None] = ContextVar("collected", default=None)


class ConvergenceWarning(UserWarning):
    """An iterative solver stopped before it reached the requested residual."""


class MissingExtraError(ImportError):
    """An optional package is missing; the message gives the command that installs it."""


def is_interrupt(error: BaseException | None) -> bool:
    """Return whether an exception was caused by Ctrl-C, even if a Numba function changed its type.

    When Numba returns an array to Python, it unpickles the array's type. A Ctrl-C during that step raises a
    SystemError, with the KeyboardInterrupt as its cause. Inside a block of `remembering_interrupts`, every exception
    that follows a Ctrl-C counts as caused by it.
    """
    if _interrupted.is_set():
        _answered.set()
        return True
    while isinstance(error, SystemError):
        error = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt)


@contextmanager
def remembering_interrupts() -> Iterator[None]:
    """Record each Ctrl-C in the block, for `is_interrupt`.

    Numba's compiler and Python's imports are C code that calls Python functions. A KeyboardInterrupt in such a function
    is dropped. The compiler then fails with another exception; the record tells that this exception means Ctrl-C.
    Otherwise the program would go on. So the interrupt is raised again, outside that function.

    The block changes nothing where a signal handler of its own cannot work: outside the main thread, and where SIGINT
    is ignored (a shell's background job) or already has a handler other than Python's.
    """
    handler, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    if handler is not signal.default_int_handler or current_thread() is not main_thread():
        yield
        return

    def record_interrupt(number: int, frame: FrameType | None) -> None:
        _interrupted.set()
        signal.default_int_handler(number, frame)

    def repeat_interrupt(dropped: sys.UnraisableHookArgs) -> None:
        is_scheduled = dropped.exc_type is not KeyboardInterrupt
        if is_scheduled:
            hook(dropped)
        while not is_scheduled:
            try:
                Timer(REPEAT_SECONDS, interrupt_unless_answered).start()
                is_scheduled = True
            except KeyboardInterrupt:  # the repetition came while the timer started, and would be dropped here, too
                continue

    def interrupt_unless_answered() -> None:
        if not _interrupted.is_set() or _answered.is_set():
            return
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(main_thread().ident or 0, signal.SIGINT)  # also ends a wait of the system
        else:  # Windows
            interrupt_main()

    sys.unraisablehook = repeat_interrupt
    try:
        signal.signal(signal.SIGINT, record_interrupt)
        yield
    finally:
        try:
            signal.signal(signal.SIGINT, handler)  # raises a KeyboardInterrupt that has come just now
        finally:
            signal.signal(signal.SIGINT, handler)
            _forget_interrupt(hook)


def _forget_interrupt(hook: Callable[[sys.UnraisableHookArgs], object]) -> None:
    """Restore the hook of dropped exceptions, and clear the record of `remembering_interrupts`."""
    sys.unraisablehook = hook
    _interrupted.clear()
    _answered.clear()


@contextmanager
def collected_warnings() -> Iterator[list[tuple[str, type[Warning]]]]:
    """Collect messages and categories of `warn_caller` in the block, for a caller that adds what they are about."""
    said: list[tuple[str, type[Warning]]] = []
    token = _collected.set(said)
    try:
        yield said
    finally:
        _collected.reset(token)


def warn_caller(message: str, category: type[Warning], *, is_of_input: bool = True) -> None:
    """Issue a warning that points at the line of the user's code that called the package.

    In a block of `collected_warnings`, a warning that is about an input is collected instead.
    """
    said = _collected.get()
    if said is not None and is_of_input:
        said.append((message, category))
        return
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] in INSIDE:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def require_extra(extra: str, *packages: str) -> None:
    """Raise `MissingExtraError` if one of an extra's packages is not installed."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise MissingExtraError(
            f"{', '.join(missing)} not installed, expected the extra '{extra}': pip install 'hybridmatte[{extra}]'"
        )
