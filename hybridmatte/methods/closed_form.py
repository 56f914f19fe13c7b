"""Closed-form matting (Levin et al. 2008): alpha is affine in colour in every 3 x 3 window.

Minimised is ``a' L a`` with the known pixels fixed. With windows k of mean colour `mu_k` and colour covariance `S_k`,
all windows inside the image,

    L_ij = sum_k (delta_ij - (1 + (I_i - mu_k)' (S_k + epsilon / 9)^-1 (I_j - mu_k)) / 9)

The kernel of one window is in ``_closed_form_numba``; ``windows`` assembles the system; `solve_problem` solves it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, overload

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_image, check_number, check_unknown, is_torch
from hybridmatte.methods._closed_form_numba import assemble
from hybridmatte.methods.windows import REACH, stencil_csr, stencil_system
from hybridmatte.systems.problem import check_problem
from hybridmatte.systems.solve import solve_problem

if TYPE_CHECKING:
    import torch
    from scipy.sparse import csr_matrix

    from hybridmatte.systems.stencil import StencilSystem

__all__ = ["closed_form_laplacian", "closed_form_system", "solve_cf"]


@overload
def solve_cf(
    image: torch.Tensor,
    trimap: torch.Tensor,
    *,
    epsilon: float = ...,
    prior: torch.Tensor | None = ...,
    confidence: torch.Tensor | float | None = ...,
    rtol: float = ...,
    maxiter: int = ...,
) -> torch.Tensor: ...
@overload
def solve_cf(
    image: npt.ArrayLike,
    trimap: npt.ArrayLike,
    *,
    epsilon: float = ...,
    prior: npt.ArrayLike | None = ...,
    confidence: npt.ArrayLike | None = ...,
    rtol: float = ...,
    maxiter: int = ...,
) -> npt.NDArray[np.float32]: ...
def solve_cf(image, trimap, *, epsilon=1e-7, prior=None, confidence=None, rtol=1e-8, maxiter=500):
    """Estimate alpha by closed-form matting.

    Alpha is assumed to be affine in colour within every 3 x 3 window. The assumption holds where foreground and
    background each vary along one line in colour space. This is the safe first choice for hair, fur, soft edges and
    narrow unknown regions. It spreads alpha only between neighbours, so it fails where the known colours lie beyond a
    gap of other colours; use `solve_knn` or `solve_information_flow` there.

    The solution is exact to the residual `rtol`: at the default, within 1e-3 of a direct solve. Where only `epsilon`
    determines alpha, as in flat colours that no known pixel has, it is within 0.02. Time is linear in the number of
    unknown pixels: 1.0 to 1.4 microseconds each on two cores, 2 and more on hard photographs. Memory is about 700 bytes
    for each unknown pixel of the largest connected part of the unknown region, because parts are solved one by one,
    plus 30 bytes for each pixel of the image.

    Tensors (B, 3, H, W) and (B, 1, H, W) give a tensor (B, 1, H, W), and gradients flow to image, prior and confidence:
    the function is then a layer. Its backward pass is a second solve. It keeps the systems of the first, 700 bytes for
    every unknown pixel.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Grey is repeated over three channels; the fourth channel of RGBA is
        dropped. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown, after scaling to [0, 1].
    epsilon : float, default 1e-7
        Regularisation of the colour covariance, in squared RGB units; larger is smoother.
    prior : (H, W) array, optional
        Estimate of alpha in [0, 1], such as a network's output, a mask, or the alpha of the previous frame.
    confidence : float or (H, W) array, optional
        Weight of the prior, at least 0, on the scale of the Laplacian's diagonal, which is about 5. Default 0.1 if
        there is a prior.
    rtol : float, default 1e-8
        Wanted residual relative to the right-hand side; at 1e-7 the hardest photograph is off by 3e-3 in places.
    maxiter : int, default 500
        Most iterations of conjugate gradients; photographs take 25 to 50, hard ones 150.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        If image and trimap differ in height or width, a value is not finite or out of range, the trimap lacks
        foreground or background and there is no prior, or an unknown pixel lies in no 3 x 3 window of the image.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    Notes
    -----
    Minimises ``a' L a + (a - prior)' diag(confidence) (a - prior)`` with the known pixels fixed, then clips to [0, 1].

    References
    ----------
    .. [1] A. Levin, D. Lischinski, Y. Weiss. A closed-form solution to natural image matting. TPAMI 2008. Eq. 12.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.linspace(0, 1, 20)[None, :, None] * np.ones((5, 1, 3))
    >>> trimap = np.full((5, 20), 0.5)
    >>> trimap[:, 0], trimap[:, -1] = 0, 1
    >>> solve_cf(image, trimap)[2, [0, 5, 19]].round(2)
    array([0.  , 0.26, 1.  ], dtype=float32)
    """
    epsilon = check_number(epsilon, "epsilon", above=0)
    if is_torch(image):
        from hybridmatte.methods._closed_form_torch import solve_cf_batch

        return solve_cf_batch(image, trimap, prior, confidence, epsilon=epsilon, rtol=rtol, maxiter=maxiter)
    problem = check_problem(image, trimap, prior, confidence)
    build = partial(closed_form_system, epsilon=epsilon)
    return solve_problem(problem, build, method="closed_form", reach=REACH, rtol=rtol, maxiter=maxiter)


def closed_form_laplacian(
    image: npt.ArrayLike, *, epsilon: float = 1e-7, is_unknown: npt.NDArray[np.bool_] | None = None
) -> csr_matrix:
    """Return the closed-form matting Laplacian of an image as a sparse matrix.

    A row has 25 entries and takes about 0.1 microseconds.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Grey is repeated over three channels; the fourth channel of RGBA is
        dropped. Never modified.
    epsilon : float, default 1e-7
        Regularisation of the colour covariance, in squared RGB units, times the 9 pixels of a window. Larger is
        smoother and converges faster.
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
    With windows k of mean `mu_k` and colour covariance `S_k`, all windows inside the image,
    ``L_ij = sum_k (delta_ij - (1 + (I_i - mu_k)' (S_k + epsilon / 9)^-1 (I_j - mu_k)) / 9)``.

    References
    ----------
    .. [1] A. Levin, D. Lischinski, Y. Weiss. A closed-form solution to natural image matting. TPAMI 2008. Eq. 12.

    Examples
    --------
    >>> import numpy as np
    >>> laplacian = closed_form_laplacian(np.random.default_rng(0).random((5, 6, 3)))
    >>> laplacian.shape, bool(abs(laplacian.sum(axis=1)).max() < 1e-12)
    ((30, 30), True)
    """
    pixels = check_image(image)
    epsilon = check_number(epsilon, "epsilon", above=0)
    return stencil_csr(pixels, check_unknown(is_unknown, pixels), assemble, epsilon)


def closed_form_system(
    image: npt.NDArray[np.float32],
    is_unknown: npt.NDArray[np.bool_],
    known_alpha: npt.NDArray[np.float32],
    *,
    epsilon: float = 1e-7,
) -> StencilSystem:
    """Return the `StencilSystem` of the closed-form Laplacian with the known pixels eliminated."""
    return stencil_system(image, is_unknown, known_alpha, assemble, epsilon)
