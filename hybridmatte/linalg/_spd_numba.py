"""Inverse of small symmetric positive definite matrices."""

import numpy as np

from hybridmatte.linalg.threads import inlined


@inlined
def invert_spd(matrix, lower, inverse):
    """Write the inverse of an SPD matrix; a direction whose pivot is lost to rounding is left out.

    lower is room for the Cholesky factor, of the matrix's size.
    """
    n = matrix.shape[0]
    lower[:] = 0.0
    for j in range(n):
        pivot = matrix[j, j]
        for k in range(j):
            pivot -= lower[j, k] * lower[j, k]
        if pivot <= 1e-14 * matrix[j, j]:
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
