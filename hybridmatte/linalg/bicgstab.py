"""Preconditioned stabilised biconjugate gradients, for systems that are not symmetric."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hybridmatte.linalg import _vector_numba as kernels
from hybridmatte.linalg.conjugate_gradient import KrylovResult, Vector

__all__ = ["bicgstab"]


def bicgstab(
    matvec: Callable[[Vector], Vector],
    rhs: Vector,
    precondition: Callable[[Vector], Vector],
    *,
    rtol: float = 1e-6,
    maxiter: int = 1000,
) -> KrylovResult:
    """Solve ``A x = rhs`` for a square A by preconditioned stabilised biconjugate gradients, starting from zero.

    An iteration takes two products with A and two applications of the preconditioner. If the shadow residual becomes
    orthogonal to the residual, the method restarts from the current point.

    Parameters
    ----------
    matvec, precondition : callable
        Take an (n,) float64 array and return A, or an approximation of the inverse of A, times that array. Both may
        return the same buffer at each call.
    rhs : (n,) float64 array
        Right-hand side.
    rtol : float, default 1e-6
        Stop when ``|rhs - A x| <= rtol * |rhs|`` in the Euclidean norm.
    maxiter : int, default 1000
        Stop after this many iterations.

    Returns
    -------
    result : KrylovResult
        x (n,), iterations, residual relative to ``|rhs|``, converged.

    Raises
    ------
    numpy.linalg.LinAlgError
        If a search direction is orthogonal to the shadow residual, or a product is not finite.

    References
    ----------
    .. [1] H. van der Vorst. Bi-CGSTAB. SIAM J. Sci. Stat. Comput. 1992.

    Examples
    --------
    >>> import numpy as np
    >>> matrix = np.array([[2.0, 1.0], [0.0, 4.0]])
    >>> bicgstab(lambda x: matrix @ x, np.array([4.0, 8.0]), lambda r: r).x.round(6)
    array([1., 2.])
    """
    square = kernels.dot(rhs, rhs)
    norm = np.sqrt(square)
    x, residual, shadow = np.zeros_like(rhs), rhs.copy(), rhs.copy()
    direction, product = np.zeros_like(rhs), np.zeros_like(rhs)
    rho = alpha = omega = 1.0
    reached, iteration = float(norm > 0.0), 0
    while reached > rtol and iteration < maxiter:
        iteration += 1
        previous, rho = rho, kernels.dot(shadow, residual)
        beta = rho / previous * alpha / omega if previous and omega else 0.0
        if not abs(rho) > 1e-14 * square or not np.isfinite(beta):
            shadow[:], beta, rho = residual, 0.0, square
        kernels.combine(direction, -omega, product)
        kernels.combine(residual, beta, product)
        direction, product = product, direction
        ahead = precondition(direction)
        product[:] = matvec(ahead)
        overlap = kernels.dot(shadow, product)
        if overlap == 0.0 or not np.isfinite(overlap):
            raise np.linalg.LinAlgError(
                f"biconjugate gradients broke down in iteration {iteration}: the search "
                f"direction's overlap is {overlap:g}, expected a finite one, not 0"
            )
        alpha = rho / overlap
        kernels.advance(alpha, ahead, product, x, residual)
        beside = precondition(residual)
        turned = matvec(beside)
        descent, turned_square = kernels.dot_pair(turned, residual, turned)
        omega = descent / max(turned_square, 1e-300)
        square = kernels.advance(omega, beside, turned, x, residual)
        reached = np.sqrt(square) / norm
    return KrylovResult(x, iteration, reached, reached <= rtol)
