"""Kernels that sum the entries of information flow's system between runs of pixels, times functions of a basis.

Each gathers one half of P' A P, whose transpose is the other: blocks of the functions of two runs, padded to
8 x 8 so that a row of one is a vector register. Rows are shared out among `halves` (P, runs, runs, 8, 8).
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces

FLAGS = {"contract"}
WIDTH = 8  # functions, the last of them zero


@inlined
def _slot_of(run, runs, sums, n):
    """Return the place of a run among the first n of runs and their new number; a run not yet there is put last."""
    at = 0
    while at < n and runs[at] != run:
        at += 1
    if at == n:
        runs[n] = run
        for q in range(sums.shape[1]):
            sums[n, q] = 0.0
        n += 1
    return at, n


@inlined
def _add_outer(factor, left, i, right, j, half, a, b):
    """Add factor left[i] right[j]' to the block of runs a and b."""
    for p in range(left.shape[1]):
        scaled = factor * left[i, p]
        for q in range(right.shape[1]):
            half[a, b, p, q] += scaled * right[j, q]


@kernel(fastmath=FLAGS)
def _add_local(first, last, spans, weights, diagonal, functions, run_of, halves):
    n_spans = spans.shape[0]
    runs = np.empty(13, np.int32)
    sums = np.empty((13, functions.shape[1]))
    for part in range(first, last):
        half = halves[part]
        for s in range(part * n_spans // halves.shape[0], (part + 1) * n_spans // halves.shape[0]):
            for t in range(spans[s, 1]):
                cell = spans[s, 0] + t
                if run_of[cell] < 0:
                    continue
                n = 1
                runs[0] = run_of[cell]
                for q in range(
                    functions.shape[1]
                ):  # not a constant: a short loop would be unrolled and lose its vectors
                    sums[0, q] = 0.5 * diagonal[cell] * functions[cell, q]
                for k in range(12):
                    later = cell + 1 + k if k < 2 else spans[s, 4 + (k - 2) // 5] + t + (k - 2) % 5 - 2
                    if run_of[later] < 0:
                        continue
                    at, n = _slot_of(run_of[later], runs, sums, n)
                    for q in range(functions.shape[1]):
                        sums[at, q] += weights[k, cell] * functions[later, q]
                for at in range(n):
                    _add_outer(1.0, functions, cell, sums, at, half, runs[0], runs[at])


def add_local(spans, weights, diagonal, functions, run_of, halves):
    """Add half of a stencil's entries, given functions and runs (-1: none) of its cells; `spans` as for its product."""
    run_pieces(_add_local, len(halves), spans, weights, diagonal, functions, run_of, halves)


@kernel(fastmath=FLAGS)
def _add_flow(first, last, neighbors, weights, near, ties, functions, run_of, halves):
    n_rows = functions.shape[0]
    runs = np.empty(neighbors.shape[1] + near.shape[1] + 1, np.int32)
    sums = np.empty((runs.size, functions.shape[1]))
    for part in range(first, last):
        half = halves[part]
        for i in range(part * n_rows // halves.shape[0], (part + 1) * n_rows // halves.shape[0]):
            n = 1
            runs[0] = run_of[i]
            for q in range(functions.shape[1]):
                sums[0, q] = functions[i, q]
            for k in range(neighbors.shape[1]):
                other = neighbors[i, k]
                at, n = _slot_of(run_of[other], runs, sums, n)
                for q in range(functions.shape[1]):
                    sums[at, q] -= weights[i, k] * functions[other, q]
            for a in range(n):
                for b in range(a + 1):
                    _add_outer(0.5 if a == b else 1.0, sums, a, sums, b, half, runs[a], runs[b])
            n = 1
            for q in range(functions.shape[1]):
                sums[0, q] = 0.0
            for k in range(near.shape[1]):
                other = near[i, k]
                at, n = _slot_of(run_of[other], runs, sums, n)
                for q in range(functions.shape[1]):
                    sums[at, q] -= ties[i, k] * functions[other, q]
            for at in range(n):
                _add_outer(1.0, functions, i, sums, at, half, runs[0], runs[at])


def add_flow(neighbors, weights, near, ties, functions, run_of, halves):
    """Add half of the entries of (Id - W)' (Id - W) - V - V', given as for their product."""
    run_pieces(_add_flow, len(halves), neighbors, weights, near, ties, functions, run_of, halves)


@kernel
def _join_halves(first, last, halves, out):
    n_runs, n_functions = out.shape[:2]
    for a in range(first, last):
        for b in range(n_runs):
            for p in range(n_functions):
                for q in range(n_functions):
                    total = 0.0
                    for part in range(halves.shape[0]):
                        total += halves[part, a, b, p, q] + halves[part, b, a, q, p]
                    out[a, p, b, q] = total


def join_halves(halves, out):
    """Write the sum of halves and of its transpose into out (runs, K, runs, K)."""
    run_pieces(_join_halves, len(out), halves, out, cost=1000 * len(out))
