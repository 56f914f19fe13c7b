"""Solvers of windows: alpha follows colour among neighbours."""

from functools import partial

from hybridmatte._validation import check_window_size, is_torch
from hybridmatte.systems.pipeline import method_name, solve_with

__all__ = ["solve_cf", "solve_large_kernel", "solve_learning_based", "solve_random_walk"]


def solve_cf(image, trimap, *, epsilon=1e-7, prior=None, confidence=None, rtol=1e-8, maxiter=500):
    """Estimate alpha by closed-form matting.

    Alpha is taken to be affine in colour within every 3 x 3 window, which holds where foreground and background vary
    along one line each in colour space. The safe first choice: hair, fur and soft edges; narrow unknown regions. It
    spreads alpha only between neighbours, so it fails where known colours lie beyond a gap of other colours (then
    `solve_knn` or `solve_information_flow`).

    Exact to the residual `rtol`: at the default, within 1e-3 of a direct solve. Time is linear in the unknown pixels,
    1.2 to 2.5 microseconds each on two cores, 4 on hard photographs. Memory is about 700 bytes for each unknown pixel
    of the largest connected part of the unknown region, as parts are solved one by one, and 30 for each pixel.

    Tensors (B, 3, H, W) and (B, 1, H, W) give a tensor (B, 1, H, W) through which gradients flow to image, prior and
    confidence: a layer. Its backward pass is a second solve and keeps the first one's systems, 700 bytes for every
    unknown pixel.

    Parameters
    ----------
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled. Grey is repeated over three channels, of RGBA the fourth
        channel is dropped. Never modified.
    trimap : (H, W) array
        Background at most 0.1, foreground at least 0.9, the rest unknown, after scaling to [0, 1].
    epsilon : float, default 1e-7
        Regularisation of the colour covariance, in squared RGB units; larger is smoother.
    prior : (H, W) array, optional
        Alpha in [0, 1] that unknown pixels are drawn to: a network's output, a mask, the previous frame.
    confidence : float or (H, W) array, optional
        Weight of the prior, at least 0, on the Laplacian's scale (diagonal about 5); 0.1 if there is a prior.
    rtol : float, default 1e-8
        Wanted residual relative to the right-hand side; at 1e-7 the hardest photograph is 3e-3 off in places.
    maxiter : int, default 500
        Most iterations of conjugate gradients; photographs take 25 to 50, hard ones 150.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        If image and trimap differ in height or width, a value is not finite or out of range, the trimap leaves the
        answer undefined, or an unknown pixel lies in no 3 x 3 window.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    Notes
    -----
    Minimises ``a' L a + (a - prior)' diag(confidence) (a - prior)`` with the known pixels fixed, then clips.

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
    from hybridmatte.methods.closed_form import closed_form_system

    if is_torch(image):
        from hybridmatte.methods.differentiable import solve_cf_batch

        return solve_cf_batch(image, trimap, prior, confidence, rtol, maxiter, epsilon=epsilon)
    return _solve_local(closed_form_system, image, trimap, prior, confidence, rtol, maxiter, epsilon=epsilon)


def solve_learning_based(image, trimap, *, epsilon=1e-7, prior=None, confidence=None, rtol=1e-7, maxiter=500):
    """Estimate alpha by learning-based matting (local linear model).

    Alpha of each 3 x 3 window is predicted from colour by ridge regression, and prediction errors are charged. Close
    to `solve_cf`, a little smoother in flat regions; time and memory are the same. Unknown pixels are drawn to the
    background with a weight of 2e-6, without which some are determined by rounding alone.

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
    from hybridmatte.methods.learning_based import learning_based_system

    return _solve_local(learning_based_system, image, trimap, prior, confidence, rtol, maxiter, epsilon=epsilon)


def solve_random_walk(image, trimap, *, sigma=0.025, prior=None, confidence=None, rtol=1e-6, maxiter=1000):
    """Estimate alpha by random walks.

    Alpha is the probability that a walk which prefers steps between like colours meets the foreground before the
    background. Robust on hard edges and flat colours; it draws hair and fur as a smooth ramp. Answers on any image,
    however small. Its weights span five orders of magnitude, so it takes more iterations than `solve_cf`, 60 to 200.
    Unknown pixels are drawn to the background with a weight of 3e-7 of their own (see `random_walk_system`).

    Parameters
    ----------
    image, trimap, prior, confidence, rtol, maxiter
        As in `solve_cf`; weights are at most 1 for each of 8 neighbours.
    sigma : float, default 0.025
        Colour distance, in RGB units, at which a weight has fallen to 1 / e.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        As in `solve_cf`, except that any image is large enough.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    References
    ----------
    .. [1] L. Grady, T. Schiwietz, S. Aharon, R. Westermann. Random walks for interactive alpha-matting. VIIP 2005.
    """
    from hybridmatte.methods.random_walk import random_walk_system

    return _solve_local(random_walk_system, image, trimap, prior, confidence, rtol, maxiter, sigma=sigma)


def solve_large_kernel(image, trimap, *, window_size=21, epsilon=1e-7, prior=None, confidence=None, rtol=1e-6,
                       maxiter=1000):
    """Estimate alpha by closed-form matting with large windows.

    The model of `solve_cf`, alpha affine in colour, over windows of 21 x 21 pixels: alpha travels further in a step,
    so wide unknown regions and holes fare better, and details smaller than the window worse. Running sums make the
    cost independent of the window; about 7 microseconds per unknown pixel on two cores, 600 bytes per pixel within
    `window_size - 1` of an unknown one.

    Parameters
    ----------
    image, trimap, prior, confidence, rtol, maxiter
        As in `solve_cf`; the Laplacian's diagonal is about `window_size` squared, so give confidence on that scale.
    window_size : int, default 21
        Side of the windows in pixels, odd, at least 3.
    epsilon : float, default 1e-7
        Regularisation of the colour covariance, in squared RGB units; larger is smoother.

    Returns
    -------
    alpha : (H, W) float32 array
        In [0, 1]; exactly 0 or 1 on known pixels.

    Raises
    ------
    ValueError
        As in `solve_cf`; the image must hold at least one window.

    Warns
    -----
    ConvergenceWarning
        If `maxiter` iterations do not reach `rtol`.

    References
    ----------
    .. [1] K. He, J. Sun, X. Tang. Fast matting using large kernel matting Laplacian matrices. CVPR 2010.
    """
    from hybridmatte.methods.large_kernel import large_kernel_system

    window_size = check_window_size(window_size)
    return _solve_local(large_kernel_system, image, trimap, prior, confidence, rtol, maxiter,
                        reach=window_size - 1, epsilon=epsilon, window_size=window_size)


def _solve_local(build, *inputs, reach=2, **parameter):
    """Check, assemble and solve for a Laplacian of windows."""
    from hybridmatte.systems.local import solve_local

    def run(problem, **stopping):
        return solve_local(problem, partial(build, **parameter), reach=reach, method=method_name(build), **stopping)

    return solve_with(run, *inputs)
