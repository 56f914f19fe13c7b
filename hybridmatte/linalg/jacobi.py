"""Simple preconditioners."""

import numpy as np

__all__ = ["jacobi"]


def jacobi(diagonal):
    """Return the function that divides a residual by the diagonal, 0 where the diagonal is 0."""
    inverse = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0.0)
    scaled = np.empty_like(inverse)

    def precondition(residual):
        return np.multiply(inverse, residual, out=scaled)

    return precondition
