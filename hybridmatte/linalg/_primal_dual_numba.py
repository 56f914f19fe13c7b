"""Kernels of the primal-dual iterations for penalties on differences along links (tail, head, length).

Links are sorted by tail. `tail_start` (n + 1,) gives the first link of each unknown node as tail; `head_start` and
`head_links` list the links of each unknown node as head. An end is the number of an unknown node, or -1 - k for the
known value k.
"""

import numpy as np
from numba import njit, prange

PIECES = 32
DDC, HINGE = 0, 1


@njit(cache=True)
def end_value(alpha, known, end):
    """Return the alpha at one end of a link."""
    return alpha[end] if end >= 0 else known[-1 - end]


@njit(cache=True, parallel=True)
def step_dual(ahead, known, tails, heads, lengths, sigma, relaxation, form, dual):
    """Take a relaxed dual step: along the difference of alphas, projected to [-1, 1]."""
    n = tails.shape[0]
    for piece in prange(PIECES):
        for e in range(piece * n // PIECES, (piece + 1) * n // PIECES):
            difference = end_value(ahead, known, tails[e]) - end_value(ahead, known, heads[e])
            if form == DDC:
                moved = dual[e] + sigma * (difference - lengths[e])
            else:
                moved = dual[e] + sigma * difference
                moved = np.sign(moved) * max(abs(moved) - sigma * lengths[e], 0.0)
            dual[e] += relaxation * (min(max(moved, -1.0), 1.0) - dual[e])


@njit(cache=True)
def divergence(dual, i, tail_start, head_start, head_links):
    """Return the divergence at node i: the duals of the links that leave it minus those of the links that enter it."""
    total = 0.0
    for e in range(tail_start[i], tail_start[i + 1]):
        total += dual[e]
    for position in range(head_start[i], head_start[i + 1]):
        total -= dual[head_links[position]]
    return total


@njit(cache=True, parallel=True)
def step_primal(dual, tail_start, head_start, head_links, tau, relaxation, weight, prior, alpha, ahead):
    """Take a relaxed primal step, projected to [0, 1], and write the extrapolated alpha into `ahead`."""
    n = alpha.shape[0]
    for piece in prange(PIECES):
        for i in range(piece * n // PIECES, (piece + 1) * n // PIECES):
            step = tau / max(tail_start[i + 1] - tail_start[i] + head_start[i + 1] - head_start[i], 1)
            moved = alpha[i] - step * divergence(dual, i, tail_start, head_start, head_links)
            moved = (moved + step * weight[i] * prior[i]) / (1.0 + step * weight[i])
            moved = min(max(moved, 0.0), 1.0)
            ahead[i] = 2.0 * moved - alpha[i]
            alpha[i] += relaxation * (moved - alpha[i])


@njit(cache=True)
def primal_value(alpha, known, tails, heads, lengths, form, weight, prior):
    """Return the penalty of alpha: over the links, and of its distance from the prior."""
    total = 0.0
    for e in range(tails.shape[0]):
        difference = end_value(alpha, known, tails[e]) - end_value(alpha, known, heads[e])
        if form == DDC:
            total += abs(difference - lengths[e])
        else:
            total += max(abs(difference) - lengths[e], 0.0)
    for i in range(alpha.shape[0]):
        total += 0.5 * weight[i] * (alpha[i] - prior[i]) ** 2
    return total


@njit(cache=True)
def dual_value(dual, known, tails, heads, lengths, form, tail_start, head_start, head_links, weight, prior):
    """Return the lower bound that the dual variables give for the penalty of any alpha in [0, 1]."""
    total = 0.0
    for e in range(tails.shape[0]):
        total -= lengths[e] * (dual[e] if form == DDC else abs(dual[e]))
        if tails[e] < 0:
            total += dual[e] * known[-1 - tails[e]]
        if heads[e] < 0:
            total -= dual[e] * known[-1 - heads[e]]
    for i in range(prior.shape[0]):
        slope = divergence(dual, i, tail_start, head_start, head_links)
        if weight[i] > 0.0:
            best = min(max(prior[i] - slope / weight[i], 0.0), 1.0)
            total += slope * best + 0.5 * weight[i] * (best - prior[i]) ** 2
        else:
            total += min(slope, 0.0)
    return total
