"""Random walk matting (Grady et al. 2005): neighbouring pixels of similar colour have similar alpha.

Minimised is ``a' L a`` with the known pixels fixed, ``L = D - W`` with ``W_ij = max(exp(-|I_i - I_j|^2 / sigma^2),
1e-5)`` over the 8 neighbours j of pixel i, and D the diagonal matrix of the row sums of W.

The kernel of one row is in ``_random_walk_numba``; ``windows`` assembles the system; `solve_problem` solves it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_image, check_number, check_unknown
from hybridmatte.methods._random_walk_numba import assemble
from hybridmatte.methods.windows import REACH, stencil_csr, stencil_system
from hybridmatte.systems.problem import check_problem
from hybridmatte.systems.solve import solve_problem

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from hybridmatte.systems.stencil import StencilSystem

__all__ = ["random_walk_laplacian", "random_walk_system", "solve_random_walk"]

SHRINKAGE = 3e-7  # probability, at each step, that the walk ends in the background


def solve_random_walk(
    image: npt.ArrayLike,
    trimap: npt.ArrayLike,
    *,
    sigma: float = 0.025,
    prior: npt.ArrayLike | None = None,
    confidence: npt.ArrayLike | None = None,
    rtol: float = 1e-6,
    maxiter: int = 1000,
) -> npt.NDArray[np.float32]:
    """Estimate alpha by random walks.

    Alpha is the probability that a random walk reaches the foreground before the background, where the walk prefers
    steps between similar colours. The method is robust on hard edges and flat colours; it turns hair and fur into a
    smooth ramp. It works on images of any size. Its weights span five orders of magnitude, so it takes more iterations
    than `solve_cf`: 60 to 200. Unknown pixels are drawn to the background with 3e-7 of their own weight (see
    `random_walk_system`).

    Parameters
    ----------
    image, trimap, prior, confidence, rtol, maxiter
        As in `solve_cf`; the weights are at most 1 for each of the 8 neighbours.
    sigma : float, default 0.025
        Colour distance, in RGB units, at which a weight has fallen to 1 / e.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        As in `solve_cf`, except that the image may have any size.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    References
    ----------
    .. [1] L. Grady, T. Schiwietz, S. Aharon, R. Westermann. Random walks for interactive alpha-matting. VIIP 2005.
    """
    problem = check_problem(image, trimap, prior, confidence)
    build = partial(random_walk_system, sigma=check_number(sigma, "sigma", above=0))
    return solve_problem(problem, build, method="random_walk", reach=REACH, rtol=rtol, maxiter=maxiter)


def random_walk_laplacian(
    image: npt.ArrayLike, *, sigma: float = 0.025, is_unknown: npt.NDArray[np.bool_] | None = None
) -> csr_matrix:
    """Return the random walk Laplacian ``D - W`` of an image as a sparse matrix.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled, grey and RGBA converted. Never modified.
    sigma : float, default 0.025
        Colour distance, in RGB units, at which a weight has fallen to 1 / e.
    is_unknown : (H, W) bool array, optional
        Pixels whose rows are wanted; the other rows stay empty. All by default.

    Returns
    -------
    laplacian : (H * W, H * W) csr_matrix, float64
        Symmetric positive semidefinite if all rows are wanted; rows sum to zero.

    Raises
    ------
    ValueError
        If a value is not finite or outside [0, 1], or the shape of is_unknown is not the image's.

    Notes
    -----
    ``W_ij = max(exp(-|I_i - I_j|^2 / sigma^2), 1e-5)`` over the 8 neighbours j of i, D the diagonal matrix of the row
    sums of W. The lower bound connects every pixel to its neighbours across the strongest edges, where the exponential
    would underflow.

    References
    ----------
    .. [1] L. Grady, T. Schiwietz, S. Aharon, R. Westermann. Random walks for interactive alpha-matting. VIIP 2005.

    Examples
    --------
    >>> import numpy as np
    >>> random_walk_laplacian(np.zeros((1, 3, 3))).toarray()
    array([[ 1., -1.,  0.],
           [-1.,  2., -1.],
           [ 0., -1.,  1.]])
    """
    pixels = check_image(image)
    sigma = check_number(sigma, "sigma", above=0)
    return stencil_csr(pixels, check_unknown(is_unknown, pixels), assemble, sigma)


def random_walk_system(
    image: npt.NDArray[np.float32],
    is_unknown: npt.NDArray[np.bool_],
    known_alpha: npt.NDArray[np.float32],
    *,
    sigma: float = 0.025,
) -> StencilSystem:
    """Return the `StencilSystem` of the random walk Laplacian with the known pixels eliminated.

    At each step the walk ends in the background with a probability of about `SHRINKAGE`. So pixels that no significant
    weight connects to the foreground are background.
    """
    system = stencil_system(image, is_unknown, known_alpha, assemble, sigma)
    system.diagonal += SHRINKAGE * (system.diagonal + (system.pixels >= 0))
    system.bound = 2.0 * system.diagonal  # a diagonally dominant matrix is at most twice its diagonal
    return system
