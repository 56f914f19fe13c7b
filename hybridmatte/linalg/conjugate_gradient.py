"""Preconditioned conjugate gradients."""

from typing import NamedTuple

import numpy as np

__all__ = ["CGResult", "conjugate_gradient"]


class CGResult(NamedTuple):
    """What conjugate gradients reached: solution, iterations, relative residual, and whether that is enough."""

    x: np.ndarray
    iterations: int
    residual: float
    converged: bool


def conjugate_gradient(matvec, rhs, precondition=None, *, x0=None, rtol=1e-7, maxiter=2000):
    """Solve ``A x = rhs`` for a symmetric positive definite A by preconditioned conjugate gradients.

    The flexible form (Polak and Ribiere's beta) is used, which tolerates a preconditioner that is symmetric only up
    to rounding. One product with A, one preconditioner and 40 bytes of vectors per unknown an iteration,
    20 in single precision.

    Parameters
    ----------
    matvec : callable
        Takes an (n,) array of rhs's precision, returns A times it; may return the same buffer each time. `precondition`
        must not call it if it does: the last product is read again after the preconditioner has run.
    rhs : (n,) float64 or float32 array
        Right-hand side.
    precondition : callable, optional
        Takes a residual, returns an approximation of the inverse of A times it, float32 or float64; may return the
        same buffer each time.
    x0 : (n,) array, optional
        Start, zero by default. Never modified.
    rtol : float, default 1e-7
        Stop when ``|rhs - A x| <= rtol * |rhs|`` in the Euclidean norm.
    maxiter : int, default 2000
        Stop after this many iterations.

    Returns
    -------
    result : CGResult
        x (n,), iterations, residual relative to |rhs|, converged.

    Raises
    ------
    numpy.linalg.LinAlgError
        If A or the preconditioner turns out not to be positive definite.

    References
    ----------
    .. [1] M. Hestenes, E. Stiefel. Methods of conjugate gradients for solving linear systems. 1952.
    .. [2] Y. Notay. Flexible conjugate gradients. SIAM J. Sci. Comput. 2000.

    Examples
    --------
    >>> import numpy as np
    >>> result = conjugate_gradient(lambda x: np.array([4.0, 2.0]) * x, np.array([8.0, 2.0]))
    >>> result.x.round(6), result.converged
    (array([2., 1.]), True)
    """
    from hybridmatte.linalg import _vector_numba as kernels

    norm_rhs = float(np.sqrt(kernels.dot(rhs, rhs)))
    x = np.zeros_like(rhs) if x0 is None else x0.astype(rhs.dtype)
    if norm_rhs == 0.0:
        return CGResult(np.zeros_like(rhs), 0, 0.0, True)
    residual = rhs.copy() if x0 is None else rhs - matvec(x)
    reached = float(np.sqrt(kernels.dot(residual, residual))) / norm_rhs
    direction, product = np.zeros_like(rhs), np.zeros_like(rhs)
    step, descent = 0.0, 1.0
    for iteration in range(maxiter + 1):
        if reached <= rtol or iteration == maxiter:
            break
        preconditioned = residual if precondition is None else precondition(residual)
        following, overlap = kernels.dot_pair(preconditioned, residual, product)
        beta = -step * overlap / descent
        descent = following
        kernels.combine(preconditioned, beta, direction)
        product = matvec(direction)
        curvature = float(kernels.dot(direction, product))
        if not (curvature > 0.0 and descent > 0.0):
            raise np.linalg.LinAlgError(f"conjugate gradients broke down in iteration {iteration}: curvature "
                                        f"{curvature:g} and descent {descent:g}, expected both positive")
        step = descent / curvature
        reached = float(np.sqrt(kernels.advance(step, direction, product, x, residual))) / norm_rhs
    return CGResult(x, iteration, reached, reached <= rtol)
