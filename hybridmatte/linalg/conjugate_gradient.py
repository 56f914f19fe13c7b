"""Preconditioned conjugate gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte.linalg import _vector_numba as kernels

__all__ = ["KrylovResult", "Vector", "conjugate_gradient", "refined_conjugate_gradient"]

REFINE = 1e-2  # reduction of the residual by single precision after which it is computed again
PATIENCE = 60  # iterations in which single precision must halve the residual
ROUNDING = 8.0  # in units of the last place: what the first residual can be reduced to

Vector = npt.NDArray[np.floating[Any]]  # (n,) float64 or float32


class KrylovResult(NamedTuple):
    """Result of a Krylov method.

    x (n,) is the solution, `residual` its residual norm relative to that of the right-hand side, and `converged`
    whether that is at most the wanted one, or a rounding error of the first residual.
    """

    x: Any
    iterations: int
    residual: float
    converged: bool


def conjugate_gradient(
    matvec: Callable[[Vector], Vector],
    rhs: Vector,
    precondition: Callable[[Vector], Vector] | None = None,
    *,
    x0: Vector | None = None,
    rtol: float = 1e-7,
    maxiter: int = 2000,
) -> KrylovResult:
    """Solve ``A x = rhs`` for a symmetric positive definite A by preconditioned conjugate gradients.

    The method is flexible conjugate gradients (beta by Polak and Ribiere), which tolerates a preconditioner that is
    symmetric only up to rounding. An iteration takes one product with A and one application of the preconditioner.
    The vectors take 40 bytes per unknown, 20 in single precision.

    Parameters
    ----------
    matvec : callable
        Takes an (n,) array in the precision of rhs and returns A times that array. It may return the same buffer at
        each call; then `precondition` must not call `matvec`, because the last product is still needed afterwards.
    rhs : (n,) float64 or float32 array
        Right-hand side.
    precondition : callable, optional
        Takes a residual (n,) and returns an approximation of the inverse of A times the residual, float32 or float64.
        It may return the same buffer at each call. Without it, the method is plain conjugate gradients.
    x0 : (n,) array, optional
        First guess; zero by default. Never modified.
    rtol : float, default 1e-7
        Stop when ``|rhs - A x| <= rtol * |rhs|`` in the Euclidean norm, or when the residual is that of x0 times 8
        units in the last place: a right-hand side that is small against A x0 allows no more.
    maxiter : int, default 2000
        Stop after this many iterations.

    Returns
    -------
    result : KrylovResult
        x (n,), iterations, residual relative to ``|rhs|``, converged.

    Raises
    ------
    numpy.linalg.LinAlgError
        If A or the preconditioner is found not to be positive definite.

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
    norm_rhs = float(np.sqrt(kernels.dot(rhs, rhs)))
    x = np.zeros_like(rhs) if x0 is None else x0.astype(rhs.dtype)
    if norm_rhs == 0.0:
        return KrylovResult(np.zeros_like(rhs), 0, 0.0, True)
    residual = rhs.copy() if x0 is None else rhs - matvec(x)
    reached = float(np.sqrt(kernels.dot(residual, residual))) / norm_rhs
    rtol = max(rtol, ROUNDING * float(np.finfo(rhs.dtype).eps) * reached)
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
        step = _step(descent, curvature, iteration)
        reached = float(np.sqrt(kernels.advance(step, direction, product, x, residual))) / norm_rhs
    return KrylovResult(x, iteration, reached, reached <= rtol)


def refined_conjugate_gradient(
    matvec: Callable[[Vector], Vector],
    single_matvec: Callable[[Vector], Vector],
    rhs: Vector,
    precondition: Callable[[Vector], Vector],
    *,
    x0: Vector | None = None,
    rtol: float,
    maxiter: int,
) -> KrylovResult:
    """Solve ``A x = rhs`` to double precision by conjugate gradients in single precision.

    The iteration is that of `conjugate_gradient` with float32 vectors and products, half of the bytes. Each time the
    residual has fallen to `REFINE` times the last one known exactly, after `PATIENCE` iterations, and at the end, what
    was found is added to the float64 solution, and the residual is computed again in float64. The search directions go
    on: on photographs it takes as many iterations as in double precision, and up to three times as many where a few
    known pixels or a weak prior determine alpha. `matvec` takes float64 vectors, `single_matvec` and `precondition`
    float32 ones; all may return the same buffer at each call. The other arguments are those of `conjugate_gradient`.

    Raises
    ------
    numpy.linalg.LinAlgError
        If A or the preconditioner is found not to be positive definite, or single precision is not enough.

    References
    ----------
    .. [1] M. Clark, R. Babich, K. Barros, R. Brower, C. Rebbi. Solving lattice QCD systems of equations using mixed
       precision solvers on GPUs. Computer Physics Communications 2010. Section 5, reliable updates.
    """
    norm_rhs = float(np.sqrt(kernels.dot(rhs, rhs)))
    x = np.zeros_like(rhs) if x0 is None else x0.astype(rhs.dtype)
    if norm_rhs == 0.0:
        return KrylovResult(np.zeros_like(rhs), 0, 0.0, True)
    exact = rhs.copy() if x0 is None else rhs - matvec(x)
    known = reached = float(np.sqrt(kernels.dot(exact, exact))) / norm_rhs
    rtol = max(rtol, ROUNDING * float(np.finfo(rhs.dtype).eps) * reached)
    residual = exact.astype(np.float32)
    found, direction, product = (np.zeros_like(residual) for _ in range(3))
    step, descent, last = 0.0, 1.0, 0
    for iteration in range(maxiter + 1):
        if reached <= max(rtol, REFINE * known) or iteration in (maxiter, last + PATIENCE):
            x += found
            found[:] = 0.0
            np.subtract(rhs, matvec(x), out=exact)
            claimed, before = reached, known
            known = reached = float(np.sqrt(kernels.dot(exact, exact))) / norm_rhs
            if reached <= rtol or iteration == maxiter:
                break
            if reached > 0.5 * before and (claimed < 0.1 * before or iteration == last + PATIENCE):
                raise np.linalg.LinAlgError("conjugate gradients in single precision do not converge, expected them to")
            last = iteration
            residual[:] = exact
        preconditioned = precondition(residual)
        following, overlap = kernels.dot_pair(preconditioned, residual, product)
        beta = -step * overlap / descent
        descent = following
        kernels.combine(preconditioned, np.float32(beta), direction)
        product = single_matvec(direction)
        curvature = float(kernels.dot(direction, product))
        step = _step(descent, curvature, iteration)
        squared = kernels.advance(np.float32(step), direction, product, found, residual)
        reached = float(np.sqrt(squared)) / norm_rhs
    return KrylovResult(x, iteration, reached, reached <= rtol)


def _step(descent: float, curvature: float, iteration: int) -> float:
    """Return the length of the step of an iteration; raise an error if A or the preconditioner is not definite."""
    if not (curvature > 0.0 and descent > 0.0):
        raise np.linalg.LinAlgError(
            f"conjugate gradients broke down in iteration {iteration}: curvature "
            f"{curvature:g} and descent {descent:g}, expected both positive"
        )
    return descent / curvature
