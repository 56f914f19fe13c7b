"""The Jacobi preconditioner: division by the diagonal."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hybridmatte.linalg.conjugate_gradient import Vector

__all__ = ["jacobi"]


def jacobi(diagonal: Vector) -> Callable[[Vector], Vector]:
    """Return the function that divides a residual by the diagonal; the quotient is 0 where the diagonal is 0.

    The function returns the same buffer at each call.
    """
    inverse = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0.0)
    scaled = np.empty_like(inverse)

    def precondition(residual: Vector) -> Vector:
        return np.multiply(inverse, residual, out=scaled)

    return precondition
