"""Warnings and errors that hybridmatte adds to Python's own."""

import signal
import sys
import warnings
from contextlib import contextmanager
from importlib.util import find_spec
from threading import Event, current_thread, main_thread

__all__ = ["ConvergenceWarning", "MissingExtraError", "is_interrupt", "remembering_interrupts", "require_extra",
           "warn_caller"]

_interrupted = Event()


class ConvergenceWarning(UserWarning):
    """An iterative solver stopped before it reached the wanted residual."""


class MissingExtraError(ImportError):
    """An optional package is missing; the message names the install line."""


def is_interrupt(error):
    """Return whether an exception is Ctrl-C, also one that came inside a Numba function.

    Numba unpickles the type of an array that it returns; an interrupt there arrives as the cause of a SystemError.
    Inside a block of `remembering_interrupts`, whatever comes after Ctrl-C is taken for it.
    """
    if _interrupted.is_set():
        return True
    while isinstance(error, SystemError):
        error = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt)


@contextmanager
def remembering_interrupts():
    """Let `is_interrupt` know of each Ctrl-C in the block.

    Numba's compiler calls Python back from C, where an exception is printed and dropped; what follows is another error.
    """
    handler, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    if handler is not signal.default_int_handler or current_thread() is not main_thread():
        yield  # ignored in the background of a shell, somebody else's, or not to be heard here
        return

    def remember(*event):
        _interrupted.set()
        handler(*event)

    signal.signal(signal.SIGINT, remember)
    sys.unraisablehook = lambda dropped: dropped.exc_type is KeyboardInterrupt or hook(dropped)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        sys.unraisablehook = hook
        _interrupted.clear()


def warn_caller(message, category):
    """Give a warning that points at the line outside the package from which it was called."""
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_globals.get("__name__", "").split(".")[0] == __package__:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def require_extra(extra, *packages):
    """Raise `MissingExtraError` if one of an extra's packages is not installed."""
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        raise MissingExtraError(f"{', '.join(missing)} not installed, expected the extra '{extra}': "
                                f"pip install 'hybridmatte[{extra}]'")
