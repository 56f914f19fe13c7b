"""Products with a 5 x 5 stencil over the cells of an `UnknownLayout`.

A span reads its own row and two rows above and below as straight runs; the weights of earlier neighbours are read at
those neighbours, which store them as later ones. Small sums of five terms keep each loop a plain vector loop, and so do
unsigned indices, which cannot count from the end.
"""

import numpy as np

from hybridmatte.linalg.threads import kernel, run_pieces

FLAGS = {"contract"}  # fused multiply-add only: no reordering
PRODUCT, RESIDUAL, SMOOTH = 0, 1, 2
CELL_COST = 4  # nanoseconds
_ONE, _TWO = np.uint64(1), np.uint64(2)


@kernel(fastmath=FLAGS)
def _multiply(first_chunk, last_chunk, spans, chunks, weights, diagonal, x, form, rhs, step, out):
    """Write A x, rhs - A x, or x + step (rhs - A x) into out."""
    for s in range(chunks[first_chunk], chunks[last_chunk]):
        first = np.uint64(spans[s, 0])
        last = first + np.uint64(spans[s, 1])
        for i in range(first, last):
            out[i] = (
                diagonal[i] * x[i]
                + weights[0, i] * x[i + _ONE]
                + weights[1, i] * x[i + _TWO]
                + weights[0, i - _ONE] * x[i - _ONE]
                + weights[1, i - _TWO] * x[i - _TWO]
            )
        for row in range(2):
            k = 2 + 5 * row
            shift = np.uint64(spans[s, 4 + row]) - first
            for i in range(first, last):
                j = i + shift
                out[i] += (
                    weights[k, i] * x[j - _TWO]
                    + weights[k + 1, i] * x[j - _ONE]
                    + weights[k + 2, i] * x[j]
                    + weights[k + 3, i] * x[j + _ONE]
                    + weights[k + 4, i] * x[j + _TWO]
                )
        for row in range(2):
            k = 2 + 5 * row
            shift = np.uint64(spans[s, 3 - row]) - first
            for i in range(first, last):
                j = i + shift
                out[i] += (
                    weights[k + 4, j - _TWO] * x[j - _TWO]
                    + weights[k + 3, j - _ONE] * x[j - _ONE]
                    + weights[k + 2, j] * x[j]
                    + weights[k + 1, j + _ONE] * x[j + _ONE]
                    + weights[k, j + _TWO] * x[j + _TWO]
                )
        if form == RESIDUAL:
            for i in range(first, last):
                out[i] = rhs[i] - out[i]
        elif form == SMOOTH:
            for i in range(first, last):
                out[i] = x[i] + step[i] * (rhs[i] - out[i])


def multiply(spans, chunks, weights, diagonal, x, out):
    """Write A x into out; cells outside the spans keep their value."""
    _run(spans, chunks, weights, diagonal, x, PRODUCT, x, x, out)


def subtract_product(spans, chunks, weights, diagonal, rhs, x, out):
    """Write rhs - A x into out."""
    _run(spans, chunks, weights, diagonal, x, RESIDUAL, rhs, x, out)


def smooth(spans, chunks, weights, diagonal, step, rhs, x, out):
    """Write one step of damped Jacobi, x + step (rhs - A x), into out, another vector."""
    _run(spans, chunks, weights, diagonal, x, SMOOTH, rhs, step, out)


def _run(spans, chunks, weights, diagonal, x, form, rhs, step, out):
    n_chunks = len(chunks) - 1
    run_pieces(
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


@kernel
def _scale_residual(first, last, step, residual, rhs, out):
    for i in range(first, last):
        rhs[i] = residual[i]
        out[i] = step[i] * rhs[i]


def scale_residual(step, residual, rhs, out):
    """Write the residual into rhs and step * residual into out, in their precision: the first smoothing step."""
    run_pieces(_scale_residual, residual.size, step, residual, rhs, out, cost=0.5)
