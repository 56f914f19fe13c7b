"""Learning-based matting (Zheng and Kambhamettu 2009): ridge regression predicts alpha from colour in 3 x 3 windows.

Minimised is ``a' L a`` with the known pixels fixed. With X_k = (1, colour) of the 9 pixels of window k and
``F_k = X_k X_k' (X_k X_k' + epsilon)^-1``, ``L = sum_k (Id - F_k)' (Id - F_k)``: the squared prediction errors.

The kernel of one window is in ``_learning_based_numba``; ``windows`` assembles the system; `solve_problem` solves it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_image, check_number, check_unknown
from hybridmatte.methods._learning_based_numba import assemble
from hybridmatte.methods.windows import REACH, WINDOW_SIDE, stencil_csr, stencil_system
from hybridmatte.systems.problem import check_problem
from hybridmatte.systems.solve import solve_problem

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from hybridmatte.systems.stencil import StencilSystem

__all__ = ["learning_based_laplacian", "learning_based_system", "solve_learning_based"]

SHRINKAGE = 2e-6  # weight that draws unknown pixels to the background


def solve_learning_based(
    image: npt.ArrayLike,
    trimap: npt.ArrayLike,
    *,
    epsilon: float = 1e-7,
    prior: npt.ArrayLike | None = None,
    confidence: npt.ArrayLike | None = None,
    rtol: float = 1e-7,
    maxiter: int = 500,
) -> npt.NDArray[np.float32]:
    """Estimate alpha by learning-based matting (local linear model).

    Ridge regression predicts the alpha of each 3 x 3 window from colour, and the prediction errors are penalised. The
    results are close to those of `solve_cf`, and a little smoother in flat regions; time and memory are the same.
    Unknown pixels are drawn to the background with a weight of 2e-6. Without it, rounding alone would determine some.
    Images of fewer than 3 rows or columns are refused, because they hold no window.

    Parameters
    ----------
    image, trimap, prior, confidence, rtol, maxiter
        As in `solve_cf`.
    epsilon : float, default 1e-7
        Ridge of the regression, in squared RGB units; larger is smoother.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        As in `solve_cf`.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    References
    ----------
    .. [1] Y. Zheng, C. Kambhamettu. Learning based digital matting. ICCV 2009.
    """
    problem = check_problem(image, trimap, prior, confidence)
    build = partial(learning_based_system, epsilon=check_number(epsilon, "epsilon", above=0))
    return solve_problem(problem, build, method="learning_based", reach=REACH, rtol=rtol, maxiter=maxiter)


def learning_based_laplacian(
    image: npt.ArrayLike, *, epsilon: float = 1e-7, is_unknown: npt.NDArray[np.bool_] | None = None
) -> csr_matrix:
    """Return the learning-based (local linear model) Laplacian of an image as a sparse matrix.

    It differs from the closed form in its regularisation, which also applies to the offset of the regression: it
    squares the residual and does not penalise the slope. The pattern and the cost are the same.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled, grey and RGBA converted. Never modified.
    epsilon : float, default 1e-7
        Ridge of the regression, in squared RGB units summed over the 9 pixels of a window.
    is_unknown : (H, W) bool array, optional
        Pixels whose rows are wanted; the other rows stay empty. All by default.

    Returns
    -------
    laplacian : (H * W, H * W) csr_matrix, float64
        Symmetric positive semidefinite if all rows are wanted. Row sums are of the order of `epsilon`, not zero,
        because the ridge also applies to the offset.

    Raises
    ------
    ValueError
        If a value is not finite or outside [0, 1], or the shape of is_unknown is not the image's.

    Notes
    -----
    With X_k = (1, colour) of the 9 pixels of window k and ``F_k = X_k X_k' (X_k X_k' + epsilon)^-1``,
    ``L = sum_k (Id - F_k)' (Id - F_k)``.

    References
    ----------
    .. [1] Y. Zheng, C. Kambhamettu. Learning based digital matting. ICCV 2009. Eq. 9 to 13.

    Examples
    --------
    >>> import numpy as np
    >>> laplacian = learning_based_laplacian(np.random.default_rng(0).random((5, 6, 3)))
    >>> laplacian.shape, bool(abs(laplacian.sum(axis=1)).max() < 1e-6)
    ((30, 30), True)
    """
    pixels = check_image(image)
    epsilon = check_number(epsilon, "epsilon", above=0)
    return stencil_csr(pixels, check_unknown(is_unknown, pixels), assemble, epsilon)


def learning_based_system(
    image: npt.NDArray[np.float32],
    is_unknown: npt.NDArray[np.bool_],
    known_alpha: npt.NDArray[np.float32],
    *,
    epsilon: float = 1e-7,
) -> StencilSystem:
    """Return the `StencilSystem` of the learning-based Laplacian with the known pixels eliminated.

    The squared residual hardly penalises an alpha that the colours explain, down to the rounding errors of the
    Laplacian. So unknown pixels are drawn to 0 with the weight `SHRINKAGE`: pixels that nothing else determines are
    background.
    """
    system = stencil_system(image, is_unknown, known_alpha, assemble, epsilon)
    if min(image.shape[:2]) >= WINDOW_SIDE:  # else no window reaches a pixel: the diagonal stays 0, which is refused
        system.diagonal += SHRINKAGE * (system.pixels >= 0)
    return system
