"""Products with a symmetric 5 x 5 stencil over the cells of an `UnknownLayout`.

Used by ``multigrid.py`` and ``hybridmatte/systems/stencil.py``. diagonal (n_cells,) and weights (12, n_cells) are the
matrix: row k of weights holds, at each cell, the entry to the neighbour 13 + k in row-major order of the 5 x 5 window.
The entries to the 12 neighbours before are stored at those neighbours. A span (see ``_layout_numba.py``) gives the
first cell and the length of a stretch, and the cells two rows and one row above and one row and two rows below it.

Functions with an argument `run` make the call, or return it if `run` is `prepare_pieces`.

Two choices let the compiler vectorise the loop. It is told that `out` overlaps no other array (``noalias``). Indices
are unsigned, since a signed index would need a check for negative values, which count from the end.
"""

import numpy as np

from hybridmatte.linalg.threads import kernel, run_pieces, short_kernel

FLAGS = {"contract"}  # fused multiply-add only: no reordering
PRODUCT, RESIDUAL, SMOOTH = 0, 1, 2  # forms of `_multiply`
CELL_COST = 4  # nanoseconds to multiply one cell's row with a vector
_ONE, _TWO = np.uint64(1), np.uint64(2)


@kernel(noalias=True, fastmath=FLAGS)
def _multiply_span(first, last, shifts, weights, diagonal, x, form, rhs, step, out):
    """Write the entries first to last - 1 of what `_multiply` writes.

    `shifts` lead from a cell to those two rows and one row above and one row and two rows below it.
    """
    above2, above1, below1, below2 = shifts
    for i in range(first, last):
        a, b, c, d = i + above2, i + above1, i + below1, i + below2
        product = (
            diagonal[i] * x[i]
            + weights[0, i] * x[i + _ONE]
            + weights[1, i] * x[i + _TWO]
            + weights[0, i - _ONE] * x[i - _ONE]
            + weights[1, i - _TWO] * x[i - _TWO]
        )
        product += weights[2, i] * x[c - _TWO] + weights[3, i] * x[c - _ONE] + weights[4, i] * x[c]
        product += weights[5, i] * x[c + _ONE] + weights[6, i] * x[c + _TWO]
        product += weights[7, i] * x[d - _TWO] + weights[8, i] * x[d - _ONE] + weights[9, i] * x[d]
        product += weights[10, i] * x[d + _ONE] + weights[11, i] * x[d + _TWO]
        product += weights[6, b - _TWO] * x[b - _TWO] + weights[5, b - _ONE] * x[b - _ONE] + weights[4, b] * x[b]
        product += weights[3, b + _ONE] * x[b + _ONE] + weights[2, b + _TWO] * x[b + _TWO]
        product += weights[11, a - _TWO] * x[a - _TWO] + weights[10, a - _ONE] * x[a - _ONE] + weights[9, a] * x[a]
        product += weights[8, a + _ONE] * x[a + _ONE] + weights[7, a + _TWO] * x[a + _TWO]
        if form == PRODUCT:
            out[i] = product
        elif form == RESIDUAL:
            out[i] = rhs[i] - product
        else:
            out[i] = x[i] + step[i] * (rhs[i] - product)


@short_kernel(fastmath=FLAGS)
def _multiply(first_chunk, last_chunk, spans, chunks, weights, diagonal, x, form, rhs, step, out):
    """Write A x (PRODUCT), rhs - A x (RESIDUAL) or x + step (rhs - A x) (SMOOTH) into out, as `form` says."""
    for s in range(chunks[first_chunk], chunks[last_chunk]):
        first = np.uint64(spans[s, 0])
        last = first + np.uint64(spans[s, 1])
        shifts = (
            np.uint64(spans[s, 2]) - first,
            np.uint64(spans[s, 3]) - first,
            np.uint64(spans[s, 4]) - first,
            np.uint64(spans[s, 5]) - first,
        )
        _multiply_span(first, last, shifts, weights, diagonal, x, form, rhs, step, out)


def multiply(spans, chunks, weights, diagonal, x, out, run=None):
    """Write A x into out; cells outside the spans keep their values."""
    return _run_multiply(run, spans, chunks, weights, diagonal, x, PRODUCT, x, x, out)


def subtract_product(spans, chunks, weights, diagonal, rhs, x, out, run=None):
    """Write rhs - A x into out."""
    return _run_multiply(run, spans, chunks, weights, diagonal, x, RESIDUAL, rhs, x, out)


def smooth(spans, chunks, weights, diagonal, step, rhs, x, out, run=None):
    """Write one step of damped Jacobi, x + step (rhs - A x), into out, which must not be x."""
    return _run_multiply(run, spans, chunks, weights, diagonal, x, SMOOTH, rhs, step, out)


def _run_multiply(run, spans, chunks, weights, diagonal, x, form, rhs, step, out):
    """Run `_multiply` over all chunks of spans, or prepare that call."""
    n_chunks = len(chunks) - 1
    return (run or run_pieces)(
        _multiply,
        n_chunks,
        spans,
        chunks,
        weights,
        diagonal,
        x,
        form,
        rhs,
        step,
        out,
        cost=CELL_COST * x.size / max(n_chunks, 1),
    )


@short_kernel
def _scale_residual(first, last, step, residual, rhs, out):
    """Copy the residual to rhs, and multiply it by `step`, at the cells first to last - 1."""
    for i in range(np.uint64(first), np.uint64(last)):
        rhs[i] = residual[i]
        out[i] = step[i] * rhs[i]


def scale_residual(step, residual, rhs, out):
    """Write the residual into rhs, and step * rhs into out: one step of damped Jacobi from x = 0.

    The values are converted to the precision of rhs and out.
    """
    run_pieces(_scale_residual, residual.size, step, residual, rhs, out, cost=0.5)
