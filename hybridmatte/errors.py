"""Warnings and errors that hybridmatte adds to Python's own, and the memory of an interrupt."""

from __future__ import annotations

import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Event, current_thread, main_thread
from types import FrameType

__all__ = [
    "ConvergenceWarning",
    "MissingExtraError",
    "is_interrupt",
    "remembering_interrupts",
    "require_extra",
    "warn_caller",
]

_interrupted = Event()


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
        return True
    while isinstance(error, SystemError):
        error = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt)


@contextmanager
def remembering_interrupts() -> Iterator[None]:
    """Record each Ctrl-C in the block, for `is_interrupt`.

    Numba's compiler is C code that calls Python functions. A KeyboardInterrupt in such a function is printed and
    dropped, and the compiler then fails with another exception. The record tells that this exception means Ctrl-C.

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

    def report_unless_interrupt(dropped: sys.UnraisableHookArgs) -> None:
        if dropped.exc_type is not KeyboardInterrupt:
            hook(dropped)

    signal.signal(signal.SIGINT, record_interrupt)
    sys.unraisablehook = report_unless_interrupt
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        sys.unraisablehook = hook
        _interrupted.clear()


def warn_caller(message: str, category: type[Warning]) -> None:
    """Issue a warning that points at the line of the user's code that called the package."""
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == __package__:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def require_extra(extra: str, *packages: str) -> None:
    """Raise `MissingExtraError` if one of an extra's packages is not installed."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise MissingExtraError(
            f"{', '.join(missing)} not installed, expected the extra '{extra}': pip install 'hybridmatte[{extra}]'"
        )
