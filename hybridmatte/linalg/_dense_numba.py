"""Inverses of small dense matrices, and products with them, on the threads of ``threads.py``.

Used by ``multigrid.py``, ``graph_aggregation.py`` and ``two_level.py`` on their coarsest levels. BLAS is not used: its
own threads keep spinning after each call and take the cores from the kernels' threads.
"""

import numpy as np

from hybridmatte.linalg.threads import kernel, run_alone, run_pieces

BLOCK = 32  # pivots eliminated together; their rows fit the L2 cache in a system of a thousand unknowns


@kernel(fastmath={"contract"})
def _invert_pivots(matrix, lowest):
    """Invert a matrix in place by Gauss-Jordan elimination without pivoting; NaN if pivot k is at most lowest[k]."""
    n = matrix.shape[0]
    for k in range(n):
        if not matrix[k, k] > lowest[k]:
            matrix[:] = np.nan
            return
        scale = 1.0 / matrix[k, k]
        matrix[k, k] = 1.0
        for j in range(n):
            matrix[k, j] *= scale
        for i in range(n):
            if i == k:
                continue
            factor = matrix[i, k]
            matrix[i, k] = 0.0
            for j in range(n):
                matrix[i, j] -= factor * matrix[k, j]


@kernel(fastmath={"contract"})
def _subtract_product(first, last, factors, rows, out):
    """Subtract the product of factors (N, m) and rows (m, n) from out (N, n), four of the m rows at a time."""
    n_grouped = rows.shape[0] - rows.shape[0] % 4
    for i in range(first, last):
        for k in range(0, n_grouped, 4):
            a, b, c, d = factors[i, k], factors[i, k + 1], factors[i, k + 2], factors[i, k + 3]
            for j in range(out.shape[1]):
                out[i, j] -= a * rows[k, j] + b * rows[k + 1, j] + c * rows[k + 2, j] + d * rows[k + 3, j]
        for k in range(n_grouped, rows.shape[0]):
            a = factors[i, k]
            for j in range(out.shape[1]):
                out[i, j] -= a * rows[k, j]


def invert_dense(matrix, tolerance=0.0):
    """Return the inverse (n, n) float64 by Gauss-Jordan elimination without pivoting, BLOCK pivots at a time.

    For symmetric positive definite matrices and M-matrices, whose pivots are all positive. If a pivot is at most
    `tolerance` times its diagonal entry, or not positive, the result contains NaN.
    """
    inverse = matrix.astype(np.float64, order="C")
    lowest = np.maximum(tolerance * inverse.diagonal(), 0.0)
    n = len(inverse)
    for first in range(0, n, BLOCK):
        block = slice(first, min(first + BLOCK, n))
        pivots = inverse[block, block].copy()
        run_alone(_invert_pivots, pivots, lowest[block])
        rows, own = inverse[block].copy(), inverse[block]
        own[:] = 0.0
        run_pieces(_subtract_product, len(own), -pivots, rows, own, cost=8 * n)
        own[:, block] = pivots
        rows = own.copy()
        for others in (slice(0, first), slice(block.stop, n)):
            factors, out = inverse[others, block].copy(), inverse[others]
            out[:, block] = 0.0
            run_pieces(_subtract_product, len(out), factors, rows, out, cost=8 * n)
    return inverse


@kernel(fastmath={"reassoc", "contract", "nsz"})
def multiply_dense(matrix, x, out):
    """Write the product of a matrix (m, n) and x (n,) into out (m,)."""
    for i in range(matrix.shape[0]):
        row = matrix[i]
        total = row[0] * x[0]
        for j in range(1, x.shape[0]):
            total += row[j] * x[j]
        out[i] = total
