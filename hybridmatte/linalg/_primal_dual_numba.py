"""Kernels of the primal-dual iterations for charges on differences along links (tail, head, length).

Links are sorted by tail. `tail_start` (n + 1) gives each unknown pixel's links as tail, `head_start` and `head_links`
those as head; ends are numbers of unknown pixels, or -1 - k for the known value k.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces

DDC, HINGE = 0, 1


@inlined
def end_value(alpha, known, end):
    """Return the alpha at one end of a link."""
    return alpha[end] if end >= 0 else known[-1 - end]


@kernel
def _step_dual(first, last, ahead, known, tails, heads, lengths, sigma, relaxation, form, dual):
    for e in range(first, last):
        difference = end_value(ahead, known, tails[e]) - end_value(ahead, known, heads[e])
        if form == DDC:
            moved = dual[e] + sigma * (difference - lengths[e])
        else:
            moved = dual[e] + sigma * difference
            moved = np.sign(moved) * max(abs(moved) - sigma * lengths[e], 0.0)
        dual[e] += relaxation * (min(max(moved, -1.0), 1.0) - dual[e])


def step_dual(ahead, known, tails, heads, lengths, sigma, relaxation, form, dual):
    """Move each link's dual along the difference of alphas and, by the relaxation, beyond its projection to [-1, 1]."""
    run_pieces(_step_dual, len(tails), ahead, known, tails, heads, lengths, sigma, relaxation, form, dual, cost=5)


@inlined
def divergence(dual, i, tail_start, head_start, head_links):
    """Return the sum of the duals of the links that leave pixel i less those that arrive."""
    total = 0.0
    for e in range(tail_start[i], tail_start[i + 1]):
        total += dual[e]
    for position in range(head_start[i], head_start[i + 1]):
        total -= dual[head_links[position]]
    return total


@kernel
def _step_primal(first, last, dual, tail_start, head_start, head_links, tau, relaxation, weight, prior, alpha, ahead):
    for i in range(first, last):
        step = tau / max(tail_start[i + 1] - tail_start[i] + head_start[i + 1] - head_start[i], 1)
        moved = alpha[i] - step * divergence(dual, i, tail_start, head_start, head_links)
        moved = (moved + step * weight[i] * prior[i]) / (1.0 + step * weight[i])
        moved = min(max(moved, 0.0), 1.0)
        ahead[i] = 2.0 * moved - alpha[i]
        alpha[i] += relaxation * (moved - alpha[i])


def step_primal(dual, tail_start, head_start, head_links, tau, relaxation, weight, prior, alpha, ahead):
    """Move each alpha against the divergence and to its prior, beyond its projection to [0, 1], and look ahead."""
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
        ahead,
        cost=30,
    )


@kernel
def primal_value(alpha, known, tails, heads, lengths, form, weight, prior):
    """Return the charge of alpha: over the links, and to the prior."""
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
    """Return the dual's lower bound of the charge of any alpha in [0, 1]."""
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
