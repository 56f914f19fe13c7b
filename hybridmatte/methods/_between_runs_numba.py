"""Kernels that compute the coarse matrix P' A P of information flow; used by ``flow_system.py``.

P holds the functions of a basis, each restricted to one run of consecutive pixels. P' A P has a block for each pair of
runs, padded to WIDTH x WIDTH, so that a row of a block is a vector register. The kernels compute a matrix H with
P' A P = H + H', so that each symmetric pair of entries of A is read once. `halves`
(n_parts, runs, runs, WIDTH, WIDTH) holds n_parts terms of H, each computed from a part of the rows by one thread.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces

FLAGS = {"contract"}  # fused multiply-add only: no reordering
WIDTH = 8  # functions of a run; those that the basis lacks are zero


@inlined
def _find_run(run, runs, sums, n):
    """Return the position of `run` among the first n of `runs`, and the new n.

    If the run is not there yet, it is added at the end, with sums of 0.
    """
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


def _scratch(n_parts, n_runs):
    """Return uninitialised arrays (n_parts, n_runs) of run numbers and (n_parts, n_runs, WIDTH) of sums."""
    return np.empty((n_parts, n_runs), np.int32), np.empty((n_parts, n_runs, WIDTH))


@kernel(fastmath=FLAGS)
def _add_local(first, last, spans, weights, diagonal, functions, run_of, all_runs, all_sums, halves):
    """Add the stencil to parts first to last - 1 of `halves`.

    For each cell, half the diagonal and the entries to later neighbours are multiplied by the functions there, and
    summed by run. The outer products of the cell's own functions with these sums are then added to the blocks.
    """
    n_spans = spans.shape[0]
    for part in range(first, last):
        half, runs, sums = halves[part], all_runs[part], all_sums[part]
        for s in range(part * n_spans // halves.shape[0], (part + 1) * n_spans // halves.shape[0]):
            for t in range(spans[s, 1]):
                cell = spans[s, 0] + t
                if run_of[cell] < 0:
                    continue
                n = 1
                runs[0] = run_of[cell]
                # not WIDTH: the compiler would unroll a short loop of known length, and not vectorise it
                for q in range(functions.shape[1]):
                    sums[0, q] = 0.5 * diagonal[cell] * functions[cell, q]
                for k in range(12):
                    later = cell + 1 + k if k < 2 else spans[s, 4 + (k - 2) // 5] + t + (k - 2) % 5 - 2
                    if run_of[later] < 0:
                        continue
                    at, n = _find_run(run_of[later], runs, sums, n)
                    for q in range(functions.shape[1]):
                        sums[at, q] += weights[k, cell] * functions[later, q]
                for at in range(n):
                    _add_outer(1.0, functions, cell, sums, at, half, runs[0], runs[at])


def add_local(spans, weights, diagonal, functions, run_of, halves):
    """Add half of the entries of a symmetric 5 x 5 stencil to `halves`.

    spans, weights and diagonal are as for the stencil's product (``hybridmatte/linalg/_stencil_numba.py``).
    functions (n_cells, WIDTH) int8 and run_of (n_cells,) are the basis functions and the run of each cell, -1 for none.
    """
    scratch = _scratch(len(halves), 13)
    run_pieces(_add_local, len(halves), spans, weights, diagonal, functions, run_of, *scratch, halves)


@kernel(fastmath=FLAGS)
def _add_flow(
    first, last, neighbors, weights, intra_neighbors, intra_weights, functions, run_of, all_runs, all_sums, halves
):
    """Add the flows to parts first to last - 1 of `halves`.

    For each row of Id - W, its product with the functions is summed by run. The outer product of the sums of two
    different runs is added once, that of a run with itself by half. Then -V is added row by row.
    """
    n_rows = functions.shape[0]
    for part in range(first, last):
        half, runs, sums = halves[part], all_runs[part], all_sums[part]
        for i in range(part * n_rows // halves.shape[0], (part + 1) * n_rows // halves.shape[0]):
            n = 1
            runs[0] = run_of[i]
            for q in range(functions.shape[1]):
                sums[0, q] = functions[i, q]
            for k in range(neighbors.shape[1]):
                other = neighbors[i, k]
                at, n = _find_run(run_of[other], runs, sums, n)
                for q in range(functions.shape[1]):
                    sums[at, q] -= weights[i, k] * functions[other, q]
            for a in range(n):
                for b in range(a + 1):
                    _add_outer(0.5 if a == b else 1.0, sums, a, sums, b, half, runs[a], runs[b])
            n = 1
            for q in range(functions.shape[1]):
                sums[0, q] = 0.0
            for k in range(intra_neighbors.shape[1]):
                other = intra_neighbors[i, k]
                at, n = _find_run(run_of[other], runs, sums, n)
                for q in range(functions.shape[1]):
                    sums[at, q] -= intra_weights[i, k] * functions[other, q]
            for at in range(n):
                _add_outer(1.0, functions, i, sums, at, half, runs[0], runs[at])


def add_flow(neighbors, weights, intra_neighbors, intra_weights, functions, run_of, halves):
    """Add half of the entries of (Id - W)' (Id - W) - V - V' to `halves`.

    W has weights (n, K) at columns neighbors (n, K); V has intra_weights at intra_neighbors. functions (n, WIDTH)
    int8 and run_of (n,) are the basis functions and the run of each pixel.
    """
    scratch = _scratch(len(halves), neighbors.shape[1] + intra_neighbors.shape[1] + 1)
    run_pieces(
        _add_flow,
        len(halves),
        neighbors,
        weights,
        intra_neighbors,
        intra_weights,
        functions,
        run_of,
        *scratch,
        halves,
    )


@kernel
def _join_halves(first, last, halves, out):
    """Write the rows of runs first to last - 1 of the sum."""
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
    """Write the sum of all parts of `halves` and of its transpose into out (runs, K, runs, K)."""
    run_pieces(_join_halves, len(out), halves, out, cost=1000 * len(out))
