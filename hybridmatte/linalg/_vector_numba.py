"""Kernels for the vectors of conjugate gradients; used by ``conjugate_gradient.py``.

`dot` is also used by ``bicgstab.py`` and ``multigrid.py``. Every vector is cut into PIECES pieces. Sums are taken
within each piece, then over the pieces in order, so that the number of threads does not change a bit of the result.
Indices are unsigned: a signed index would need a check for negative values.
"""

import numpy as np

from hybridmatte.linalg.threads import kernel, run_pieces, short_kernel

PIECES = 32
REORDER = {"reassoc", "contract", "nsz"}  # lets the compiler vectorise sums


@kernel(fastmath=REORDER)
def _total(partial):
    """Return the sum over the pieces."""
    total = 0.0
    for piece in range(partial.shape[0]):
        total += partial[piece]
    return total


@short_kernel(fastmath=REORDER)
def _dot(first, last, a, b, partial):
    """Write the inner products over the pieces first to last - 1."""
    n = a.shape[0]
    for piece in range(first, last):
        total = 0.0
        for i in range(np.uint64(piece * n // PIECES), np.uint64((piece + 1) * n // PIECES)):
            total += a[i] * b[i]
        partial[piece] = total


def dot(a, b):
    """Return the inner product of two vectors."""
    partial = np.empty(PIECES)
    run_pieces(_dot, PIECES, a, b, partial, cost=a.size / 64)
    return _total(partial)


@short_kernel(fastmath=REORDER)
def _dot_pair(first, last, a, b, c, partial):
    """Write both inner products over the pieces first to last - 1."""
    n = a.shape[0]
    for piece in range(first, last):
        total_b = 0.0
        total_c = 0.0
        for i in range(np.uint64(piece * n // PIECES), np.uint64((piece + 1) * n // PIECES)):
            total_b += a[i] * b[i]
            total_c += a[i] * c[i]
        partial[0, piece] = total_b
        partial[1, piece] = total_c


def dot_pair(a, b, c):
    """Return the inner products of a with b and of a with c."""
    partial = np.empty((2, PIECES))
    run_pieces(_dot_pair, PIECES, a, b, c, partial, cost=a.size / 48)
    return _total(partial[0]), _total(partial[1])


@short_kernel
def _combine(first, last, a, beta, b):
    """Overwrite b with a + beta b in the pieces first to last - 1."""
    n = a.shape[0]
    for i in range(np.uint64(first * n // PIECES), np.uint64(last * n // PIECES)):
        b[i] = a[i] + beta * b[i]


def combine(a, beta, b):
    """Overwrite b with a + beta b."""
    run_pieces(_combine, PIECES, a, beta, b, cost=a.size / 64)


@short_kernel(fastmath=REORDER)
def _advance(first, last, step, direction, product, x, residual, partial):
    """Update x and the residual in the pieces first to last - 1; write the residual's squared norm over each."""
    n = x.shape[0]
    for piece in range(first, last):
        total = 0.0
        for i in range(np.uint64(piece * n // PIECES), np.uint64((piece + 1) * n // PIECES)):
            x[i] += step * direction[i]
            value = residual[i] - step * product[i]
            residual[i] = value
            total += value * value
        partial[piece] = total


def advance(step, direction, product, x, residual):
    """Add step * direction to x, subtract step * product from the residual; return the residual's squared norm."""
    partial = np.empty(PIECES)
    run_pieces(_advance, PIECES, step, direction, product, x, residual, partial, cost=x.size / 32)
    return _total(partial)
