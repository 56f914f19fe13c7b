"""Warnings and errors that hybridmatte adds to Python's own."""

__all__ = ["ConvergenceWarning", "MissingExtraError"]


class ConvergenceWarning(UserWarning):
    """An iterative solver stopped before it reached the wanted residual."""


class MissingExtraError(ImportError):
    """An optional package is missing; the message names the install line."""
