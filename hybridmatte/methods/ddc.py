"""The DDC prior as a convex program: alpha of similar pixels differs by no more than their colours.

Minimised is the sum over the most similar pairs of each window of ``|x - d|`` (DDC) or ``max(|x| - d, 0)`` (hinge),
with x the difference in alpha and d the distance in colour, plus the prior's term. The pairs come from `window_topk`;
`minimize_links` runs the primal-dual iterations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_integer, check_number, is_torch
from hybridmatte.errors import ConvergenceWarning, warn_caller
from hybridmatte.linalg.primal_dual import Links, PrimalDualResult, minimize_links
from hybridmatte.linalg.threads import threads_for
from hybridmatte.similarity.window import WindowTopK, window_topk
from hybridmatte.systems.problem import check_problem, finish_alpha

if TYPE_CHECKING:
    import torch

__all__ = ["make_links", "solve_ddc", "warn_open_gap"]


@overload
def solve_ddc(
    image: torch.Tensor,
    trimap: torch.Tensor,
    *,
    form: Literal["ddc", "hinge"] = ...,
    window_size: int = ...,
    prior: torch.Tensor | None = ...,
    confidence: torch.Tensor | float | None = ...,
    gap: float = ...,
    maxiter: int = ...,
) -> torch.Tensor: ...
@overload
def solve_ddc(
    image: npt.ArrayLike,
    trimap: npt.ArrayLike,
    *,
    form: Literal["ddc", "hinge"] = ...,
    window_size: int = ...,
    prior: npt.ArrayLike | None = ...,
    confidence: npt.ArrayLike | None = ...,
    gap: float = ...,
    maxiter: int = ...,
) -> npt.NDArray[np.float32]: ...
def solve_ddc(image, trimap, *, form="ddc", window_size=11, prior=None, confidence=None, gap=2e-5, maxiter=5000):
    """Estimate alpha by directional distance consistency: similar pixels differ in alpha by no more than in colour.

    The result minimises `ddc_loss` or `ddc_hinge_loss` itself over the unknown pixels, without a network. Alpha is
    sharp and piecewise constant. On photographs it is less accurate than `solve_cf` and `solve_knn`; the function is
    for the study of the losses.

    Parameters
    ----------
    image, trimap, prior, confidence
        As in `solve_cf`; a pixel has about 2 `window_size` links, and each penalises at most the difference in alpha.
        Tensors (B, 3, H, W) and (B, 1, H, W) are solved on their device, by tensor operations; no gradient flows.
    form : {"ddc", "hinge"}, default "ddc"
        Penalty of a pair with x = a_i - a_j and d = ||I_i - I_j||_2: ``|x - d|``, or ``max(|x| - d, 0)``.
    window_size : int, default 11
        Side of the windows in pixels, odd, at least 3.
    gap : float, default 2e-5
        Stop when the penalty, averaged over the pairs, is proved to be within this of the least one (duality gap).
    maxiter : int, default 5000
        Most iterations. One takes 0.1 microseconds per unknown pixel on two cores; photographs take 500 to 1500.

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
    hybridmatte.lipschitz_band : bounds of the result where the known pixels do not contradict each other.

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
    gap, maxiter = check_number(gap, "gap", above=0), check_integer(maxiter, "maxiter", low=1)
    if is_torch(image):
        from hybridmatte.methods._ddc_torch import solve_ddc_batch

        return solve_ddc_batch(
            image, trimap, prior, confidence, form=form, window_size=window_size, gap=gap, maxiter=maxiter
        )
    problem = check_problem(image, trimap, prior, confidence)
    alpha = np.zeros(problem.is_unknown.shape)
    if not problem.is_unknown.any():
        return finish_alpha(problem, alpha)
    with threads_for(int(problem.is_unknown.sum())):
        links = make_links(window_topk(problem.image, window_size), problem.is_unknown, problem.known_alpha)
        given = np.full(len(links.pixels), 0.5)
        weight = np.zeros_like(given)
        if problem.prior is not None and problem.confidence is not None:
            given, weight = (
                plane.ravel()[links.pixels].astype(np.float64) for plane in (problem.prior, 2.0 * problem.confidence)
            )
        result = minimize_links(links, form, start=given.copy(), weight=weight, prior=given, gap=gap, maxiter=maxiter)
    warn_open_gap(result, len(links.tails), gap)
    alpha.ravel()[links.pixels] = result.alpha
    return finish_alpha(problem, alpha)


def make_links(topk: WindowTopK, is_unknown: npt.NDArray[np.bool_], known_alpha: npt.NDArray[np.float32]) -> Links:
    """Return the links to the most similar pixels of each window that have an unknown end, without loops."""
    pixels = np.flatnonzero(is_unknown)
    number = np.full(is_unknown.size, -1, np.int64)
    number[pixels] = np.arange(len(pixels))
    tails = np.repeat(np.arange(is_unknown.size), topk.offsets.shape[2])
    heads = tails + topk.offsets.ravel()
    lengths = topk.distances.ravel()
    wanted = (tails != heads) & ((number[tails] >= 0) | (number[heads] >= 0))
    tails, heads, lengths = tails[wanted], heads[wanted], lengths[wanted]
    ends = np.where(number >= 0, number, -1 - (known_alpha.ravel() > 0.5).astype(np.int64))
    order = np.argsort(ends[tails], kind="stable")  # those with a known tail come first
    return Links(
        ends[tails][order].astype(np.int32),
        ends[heads][order].astype(np.int32),
        lengths[order],
        np.array([0.0, 1.0]),
        pixels,
    )


def warn_open_gap(result: PrimalDualResult, n_links: int, gap: float) -> None:
    """Give a `ConvergenceWarning` if the duality gap was not closed."""
    reached = (result.penalty - result.bound) / max(n_links, 1)
    if reached > gap:
        warn_caller(
            f"ddc reached a duality gap of {reached:.1e} a pair after {result.iterations} iterations, wanted "
            f"{gap:.1e}; raise maxiter or gap",
            ConvergenceWarning,
        )
