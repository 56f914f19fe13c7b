"""Inverse of small symmetric positive definite matrices.

Used by ``_block_numba.py`` and ``hybridmatte/methods/_learning_based_numba.py``.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined


@inlined
def invert_spd(matrix, tolerance, lower, inverse):
    """Write the inverse of a symmetric positive definite matrix (n, n), from its Cholesky factor.

    `lower` (n, n) receives the factor. A direction whose pivot is lost to rounding (`tolerance` times its diagonal
    entry or less) is left out of the factor and of the inverse.
    """
    n = matrix.shape[0]
    lower[:] = 0.0
    for j in range(n):
        pivot = matrix[j, j]
        for k in range(j):
            pivot -= lower[j, k] * lower[j, k]
        if pivot <= tolerance * matrix[j, j]:
            continue
        lower[j, j] = np.sqrt(pivot)
        for i in range(j + 1, n):
            value = matrix[i, j]
            for k in range(j):
                value -= lower[i, k] * lower[j, k]
            lower[i, j] = value / lower[j, j]
    for column in range(n):
        for i in range(n):
            value = 1.0 if i == column else 0.0
            for k in range(i):
                value -= lower[i, k] * inverse[k, column]
            inverse[i, column] = value / lower[i, i] if lower[i, i] > 0.0 else 0.0
        for i in range(n - 1, -1, -1):
            value = inverse[i, column]
            for k in range(i + 1, n):
                value -= lower[k, i] * inverse[k, column]
            inverse[i, column] = value / lower[i, i] if lower[i, i] > 0.0 else 0.0
