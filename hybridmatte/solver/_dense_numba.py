"""Small dense systems on one thread.

BLAS would start threads of its own, which go on spinning after each call and take the cores from Numba's.
"""

import numpy as np
from numba import njit


@njit(cache=True, fastmath={"contract"})
def invert_dense(matrix):
    """Return the inverse by Gauss and Jordan's elimination without exchanges.

    For symmetric positive definite matrices and M-matrices, whose pivots are all positive; NaN if one is not.
    """
    n = matrix.shape[0]
    inverse = matrix.astype(np.float64)
    for k in range(n):
        if not inverse[k, k] > 0.0:
            inverse[:] = np.nan
            return inverse
        scale = 1.0 / inverse[k, k]
        inverse[k, k] = 1.0
        for j in range(n):
            inverse[k, j] *= scale
        for i in range(n):
            if i == k:
                continue
            factor = inverse[i, k]
            inverse[i, k] = 0.0
            for j in range(n):
                inverse[i, j] -= factor * inverse[k, j]
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
