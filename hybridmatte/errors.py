"""Warnings and errors that hybridmatte adds to Python's own."""

import sys
import warnings
from importlib.util import find_spec

__all__ = ["ConvergenceWarning", "MissingExtraError", "is_interrupt", "require_extra", "warn_caller"]


class ConvergenceWarning(UserWarning):
    """An iterative solver stopped before it reached the wanted residual."""


class MissingExtraError(ImportError):
    """An optional package is missing; the message names the install line."""


def is_interrupt(error):
    """Return whether an exception is Ctrl-C, also one that came inside a Numba function.

    Numba unpickles the type of an array that it returns; an interrupt there arrives as the cause of a SystemError.
    """
    while isinstance(error, SystemError):
        error = error.__cause__ or error.__context__
    return isinstance(error, KeyboardInterrupt)


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
