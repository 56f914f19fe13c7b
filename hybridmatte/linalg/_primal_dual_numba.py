"""Kernels of the primal-dual iterations for penalties on alpha differences along links; used by ``primal_dual.py``.

A link has a tail, a head and a length. `tails` and `heads` are unknown pixels, or -1 - k for the known value k. Links
are sorted by tail: those with tail i are tail_start[i] to tail_start[i + 1] - 1. Those with head i are
head_links[head_start[i]:head_start[i + 1]]. A link's penalty on the difference x = alpha[tail] - alpha[head] is
|x - length| in the form DDC, and max(|x| - length, 0) in the form HINGE.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces, short_kernel

DDC, HINGE = 0, 1


@inlined
def end_value(alpha, known, end):
    """Return the alpha at one end of a link, unknown or known."""
    return alpha[end] if end >= 0 else known[-1 - end]


@short_kernel
def _step_dual(first, last, extrapolated, known, tails, heads, lengths, sigma, relaxation, form, dual):
    """Update the dual variables of the links first to last - 1."""
    for e in range(first, last):
        difference = end_value(extrapolated, known, tails[e]) - end_value(extrapolated, known, heads[e])
        if form == DDC:
            updated = dual[e] + sigma * (difference - lengths[e])
        else:
            updated = dual[e] + sigma * difference
            updated = np.sign(updated) * max(abs(updated) - sigma * lengths[e], 0.0)
        dual[e] += relaxation * (min(max(updated, -1.0), 1.0) - dual[e])


def step_dual(extrapolated, known, tails, heads, lengths, sigma, relaxation, form, dual):
    """Update the dual variable of each link, in place.

    Let x be the difference of the extrapolated alphas. The dual variable moves by sigma (x - length) in the form DDC.
    In the form HINGE it moves by sigma x, and then towards 0 by at most sigma length. It is then projected to [-1, 1].
    `relaxation` multiplies the step from the old value to the projected one (above 1: over-relaxation).
    """
    run_pieces(
        _step_dual, len(tails), extrapolated, known, tails, heads, lengths, sigma, relaxation, form, dual, cost=5
    )


@inlined
def divergence(dual, i, tail_start, head_start, head_links):
    """Return the sum of the dual variables of the links with tail i, less that of the links with head i."""
    total = 0.0
    for e in range(tail_start[i], tail_start[i + 1]):
        total += dual[e]
    for position in range(head_start[i], head_start[i + 1]):
        total -= dual[head_links[position]]
    return total


@short_kernel
def _step_primal(
    first, last, dual, tail_start, head_start, head_links, tau, relaxation, weight, prior, alpha, extrapolated
):
    """Update the alphas of the pixels first to last - 1."""
    for i in range(first, last):
        step = tau / max(tail_start[i + 1] - tail_start[i] + head_start[i + 1] - head_start[i], 1)
        updated = alpha[i] - step * divergence(dual, i, tail_start, head_start, head_links)
        updated = (updated + step * weight[i] * prior[i]) / (1.0 + step * weight[i])
        updated = min(max(updated, 0.0), 1.0)
        extrapolated[i] = 2.0 * updated - alpha[i]
        alpha[i] += relaxation * (updated - alpha[i])


def step_primal(dual, tail_start, head_start, head_links, tau, relaxation, weight, prior, alpha, extrapolated):
    """Update alpha in place, and write the extrapolated alpha for the next dual step.

    Alpha moves against the divergence and towards its prior, and is projected to [0, 1]. The step is `tau` over the
    number of the pixel's links. `relaxation` multiplies the step from the old value to the projected one. The
    extrapolated alpha is twice the projected value less the old one.
    """
    run_pieces(
        _step_primal,
        len(alpha),
        dual,
        tail_start,
        head_start,
        head_links,
        tau,
        relaxation,
        weight,
        prior,
        alpha,
        extrapolated,
        cost=30,
    )


@kernel
def primal_value(alpha, known, tails, heads, lengths, form, weight, prior):
    """Return the objective: the links' penalties plus ``0.5 * weight * (alpha - prior)**2`` of the pixels."""
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


@kernel
def dual_value(dual, known, tails, heads, lengths, form, tail_start, head_start, head_links, weight, prior):
    """Return the dual objective, a lower bound of the objective of every alpha in [0, 1]."""
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
