"""The classical answer to the DDC prior: a convex program."""

from functools import partial

import numpy as np

from hybridmatte._validation import check_choice, check_integer, check_number, is_torch
from hybridmatte.errors import ConvergenceWarning, warn_caller
from hybridmatte.systems.pipeline import solve_with

__all__ = ["solve_ddc"]


def solve_ddc(image, trimap, *, form="ddc", window_size=11, prior=None, confidence=None, gap=2e-5, maxiter=5000):
    """Estimate alpha by directional distance consistency: similar pixels differ in alpha by no more than in colour.

    The minimiser of `ddc_loss` or `ddc_hinge_loss` itself, with no network, over the unknown pixels. Sharp, piecewise
    flat alphas; on photographs behind `solve_cf` and `solve_knn`: made to study the losses.

    Parameters
    ----------
    image, trimap, prior, confidence
        As in `solve_cf`; a pixel has about 2 `window_size` links, each charging at most the difference in alpha.
        Tensors (B, 3, H, W) and (B, 1, H, W) are solved on their device, by tensor operations; no gradient flows.
    form : {"ddc", "hinge"}, default "ddc"
        Charge of a pair with x = a_i - a_j and d = ||I_i - I_j||_2: ``|x - d|``, or ``max(|x| - d, 0)``.
    window_size : int, default 11
        Side of the windows in pixels, odd, at least 3.
    gap : float, default 2e-5
        Stop when the charge is proved to be within this of the least one, on average over the pairs (a duality gap).
    maxiter : int, default 5000
        Most iterations; 0.1 microseconds per unknown pixel each, on two cores; photographs take 500 to 1500.

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
        If `maxiter` iterations do not close the gap.

    See Also
    --------
    hybridmatte.lipschitz_band : bounds of the answer where the known pixels do not contradict each other.

    References
    ----------
    .. [1] Training Matting Models without Alpha Labels, 2024. Eq. 8.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.linspace(0, 1 / 3**0.5, 11)[None, :, None] * np.ones((3, 1, 3))
    >>> trimap = np.full((3, 11), 0.5)
    >>> trimap[:, 0], trimap[:, -1] = 0, 1
    >>> solve_ddc(image, trimap, window_size=3, gap=1e-6)[1, [0, 5, 10]].round(2).tolist()
    [0.0, 0.5, 1.0]
    """
    check_choice(form, "form", ("ddc", "hinge"))
    gap = check_number(gap, "gap", above=0)
    if is_torch(image):
        maxiter = check_integer(maxiter, "maxiter", low=1)
        return _solve_batch(image, trimap, prior, confidence, form=form, window_size=window_size, gap=gap,
                            maxiter=maxiter)
    run = partial(_solve, form=form, window_size=window_size, gap=gap)
    return solve_with(run, image, trimap, prior, confidence, 1e-7, maxiter)


def _solve(problem, *, form, window_size, gap, rtol, maxiter):  # noqa: ARG001
    from hybridmatte.linalg.primal_dual import make_links, minimize_links
    from hybridmatte.similarity.window import window_topk
    from hybridmatte.systems.problem import finish_alpha

    links = make_links(window_topk(problem.image, window_size), problem.is_unknown, problem.known_alpha)
    prior = np.full(len(links.pixels), 0.5)
    weight = np.zeros_like(prior)
    if problem.prior is not None:
        prior, weight = (plane.ravel()[links.pixels].astype(np.float64)
                         for plane in (problem.prior, 2.0 * problem.confidence))
    result = minimize_links(links, form, start=prior.copy(), weight=weight, prior=prior, gap=gap, maxiter=maxiter)
    _warn_if_open(result, len(links.tails), gap)
    alpha = np.zeros(problem.is_unknown.shape)
    alpha.ravel()[links.pixels] = result.alpha
    return finish_alpha(problem, alpha)


def _solve_batch(image, trimap, prior, confidence, *, form, window_size, gap, maxiter):
    """Solve a batch of tensors on its device; return (B, 1, H, W) in the image's dtype."""
    import torch

    from hybridmatte._validation_torch import check_image_batch, check_no_gradient, check_together, split_planes
    from hybridmatte.linalg._primal_dual_torch import TensorLinks, minimize_tensor_links
    from hybridmatte.systems._problem_torch import check_prior_batch

    check_together(trimap=trimap, image=image, prior=prior)
    weight = check_prior_batch(trimap, prior, confidence)
    colors, planes = check_image_batch(image).float(), []
    given = torch.full_like(trimap, 0.5) if prior is None else prior
    weight = torch.zeros_like(trimap) if weight is None else weight
    for name, tensor in (("trimap", trimap), ("prior", given), ("confidence", weight)):
        check_no_gradient(tensor, name)
    weight = 2.0 * weight.double()
    for index in range(len(image)):
        is_foreground, _, is_unknown = split_planes(trimap[index, 0])
        plane = is_foreground.double()
        if is_unknown.any():
            links = TensorLinks(colors[index], plane, is_unknown, window_size)
            own = {"prior": given[index, 0][is_unknown].double(), "weight": weight[index, 0][is_unknown]}
            result = minimize_tensor_links(links, form, start=own["prior"], gap=gap, maxiter=maxiter, **own)
            _warn_if_open(result, len(links.lengths), gap)
            plane[is_unknown] = result.alpha
        planes.append(plane)
    return torch.stack(planes)[:, None].to(image.dtype)


def _warn_if_open(result, n_links, gap):
    """Warn if the duality gap was not closed."""
    reached = (result.charge - result.bound) / max(n_links, 1)
    if reached > gap:
        warn_caller(f"ddc reached a duality gap of {reached:.1e} a pair after {result.iterations} iterations, wanted "
                    f"{gap:.1e}; raise maxiter or gap", ConvergenceWarning)
