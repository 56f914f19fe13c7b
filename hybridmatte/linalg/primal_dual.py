"""Primal-dual iterations for convex charges on the differences of alpha along links between pixels."""

from typing import NamedTuple

import numpy as np

__all__ = ["Links", "PrimalDualResult", "make_links", "minimize_links"]

CHECK_EVERY = 25  # iterations between two looks at the duality gap
BALANCE = 0.3  # primal step over dual step, with each pixel's step over the number of its links
RELAXATION = 1.8  # of each step, at most 2: 1.4 (ddc) to 1.6 (hinge) times fewer iterations than 1


class Links(NamedTuple):
    """Directed links between the pixels of an image of which at least one end is unknown, sorted by tail.

    tails, heads (n_links,) int32 count the unknown pixels, or are -1 - k for the known value known[k]; lengths
    (n_links,) float32 are distances in colour. pixels (n,) are the unknown pixels' flat indices.
    """

    tails: np.ndarray
    heads: np.ndarray
    lengths: np.ndarray
    known: np.ndarray
    pixels: np.ndarray


class PrimalDualResult(NamedTuple):
    """alpha (n,) of the unknown pixels, the charge, a lower bound of any alpha's charge, and iterations."""

    alpha: np.ndarray
    charge: float
    bound: float
    iterations: int


def make_links(topk, is_unknown, known_alpha):
    """Return the `Links` of a `WindowTopK` with cut windows; a pixel's link to itself is left out."""
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
    return Links(ends[tails][order].astype(np.int32), ends[heads][order].astype(np.int32), lengths[order],
                 np.array([0.0, 1.0]), pixels)


def minimize_links(links, form, *, start, weight, prior, gap, maxiter):
    """Minimise ``sum_links charge(a_tail - a_head) + sum_i weight_i / 2 (a_i - prior_i)^2`` over alpha in [0, 1].

    The charge of a difference x along a link of length d is |x - d| ("ddc") or max(|x| - d, 0) ("hinge").

    Parameters
    ----------
    links : Links
    form : {"ddc", "hinge"}
    start, weight, prior : (n,) float64 arrays
        Of the unknown pixels.
    gap : float
        Stop when charge less bound, over the number of links, is at most this.
    maxiter : int
        Stop after this many iterations.

    Returns
    -------
    result : PrimalDualResult

    References
    ----------
    .. [1] A. Chambolle, T. Pock. A first-order primal-dual algorithm for convex problems with applications to imaging.
       JMIV 2011. Algorithm 1.
    .. [2] T. Pock, A. Chambolle. Diagonal preconditioning for first order primal-dual algorithms in convex
       optimization. ICCV 2011.
    .. [3] L. Condat. A primal-dual splitting method for convex optimization involving Lipschitzian, proximable and
       linear composite terms. JOTA 2013. Algorithm 3.1, with its relaxation.
    """
    from hybridmatte.linalg import _primal_dual_numba as kernels

    code = {"ddc": kernels.DDC, "hinge": kernels.HINGE}[form]
    by_tail, by_head = _starts(links, len(start))
    alpha, ahead = start.copy(), start.copy()
    dual = np.zeros(len(links.tails))
    ends = links.known, links.tails, links.heads, links.lengths
    neighbors = by_tail, *by_head
    charge, bound, iteration = np.inf, -np.inf, 0
    while iteration < maxiter:
        kernels.step_primal(dual, *neighbors, BALANCE, RELAXATION, weight, prior, alpha, ahead)
        kernels.step_dual(ahead, *ends, 0.5 / BALANCE, RELAXATION, code, dual)
        iteration += 1
        if iteration % CHECK_EVERY == 0 or iteration == maxiter:
            inside, dual_inside = alpha.clip(0.0, 1.0), dual.clip(-1.0, 1.0)
            charge = kernels.primal_value(inside, *ends, code, weight, prior)
            bound = max(bound, kernels.dual_value(dual_inside, *ends, code, *neighbors, weight, prior))
            if charge - bound <= gap * max(len(links.tails), 1):
                break
    return PrimalDualResult(inside, charge, bound, iteration)


def _starts(links, n):
    """Return where each unknown pixel's links as tail start, and (starts, links) as head."""
    by_tail = np.searchsorted(links.tails, np.arange(n + 1)).astype(np.int64)
    order = np.argsort(links.heads, kind="stable")
    by_head = np.searchsorted(links.heads[order], np.arange(n + 1)).astype(np.int64)
    return by_tail, (by_head, order)
