"""Small dense systems by Numba's own threads.

BLAS would start threads of its own, which go on spinning after each call and take the cores from Numba's.
"""

import numpy as np
from numba import njit, prange

BLOCK = 32  # pivots that are eliminated together: their rows of a system of a thousand unknowns fit the second cache


@njit(cache=True, fastmath={"contract"})
def _invert_pivots(matrix):
    """Invert a matrix in place by Gauss and Jordan's elimination without exchanges; NaN if a pivot is not positive."""
    n = matrix.shape[0]
    for k in range(n):
        if not matrix[k, k] > 0.0:
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


@njit(cache=True, fastmath={"contract"})
def _subtract_rows(factors, rows, out):
    """Subtract from out (n,) what factors (m,) make of rows (m, n), four at a time."""
    whole = rows.shape[0] - rows.shape[0] % 4
    for k in range(0, whole, 4):
        a, b, c, d = factors[k], factors[k + 1], factors[k + 2], factors[k + 3]
        row_a, row_b, row_c, row_d = rows[k], rows[k + 1], rows[k + 2], rows[k + 3]
        for j in range(out.shape[0]):
            out[j] -= a * row_a[j] + b * row_b[j] + c * row_c[j] + d * row_d[j]
    for k in range(whole, rows.shape[0]):
        a = factors[k]
        row_a = rows[k]
        for j in range(out.shape[0]):
            out[j] -= a * row_a[j]


@njit(cache=True, parallel=True)
def invert_dense(matrix):
    """Return the inverse by Gauss and Jordan's elimination without exchanges, a block of pivots at a time.

    For symmetric positive definite matrices and M-matrices, whose pivots are all positive; NaN if one is not.
    """
    n = matrix.shape[0]
    inverse = matrix.astype(np.float64)
    for first in range(0, n, BLOCK):
        last = min(first + BLOCK, n)
        pivots = inverse[first:last, first:last].copy()
        _invert_pivots(pivots)
        rows = inverse[first:last].copy()
        for i in prange(last - first):
            inverse[first + i] = 0.0
            _subtract_rows(-pivots[i], rows, inverse[first + i])
            for j in range(last - first):
                inverse[first + i, first + j] = pivots[i, j]
        rows = inverse[first:last].copy()
        for i in prange(n):
            if i < first or i >= last:
                factors = inverse[i, first:last].copy()
                inverse[i, first:last] = 0.0
                _subtract_rows(factors, rows, inverse[i])
    return inverse


@njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def multiply_dense(matrix, x, out):
    """Write the product of a matrix (m, n) and x (n,) into out (m,)."""
    for i in range(matrix.shape[0]):
        row = matrix[i]
        total = row[0] * x[0]
        for j in range(1, x.shape[0]):
            total += row[j] * x[j]
        out[i] = total
