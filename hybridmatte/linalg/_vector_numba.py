"""Kernels of conjugate gradients, summed over fixed pieces so that the thread count changes no bit."""

import numpy as np
from numba import njit, prange

PIECES = 32


@njit(cache=True)
def _total(partial):
    """Sum in order; inside a parallel function Numba would make np.sum a parallel reduction."""
    total = 0.0
    for piece in range(partial.shape[0]):
        total += partial[piece]
    return total


@njit(cache=True, parallel=True, fastmath={"reassoc", "contract", "nsz"})
def dot(a, b):
    """Return the inner product of two vectors."""
    n = a.shape[0]
    partial = np.zeros(PIECES)
    for piece in prange(PIECES):
        total = 0.0
        for i in range(piece * n // PIECES, (piece + 1) * n // PIECES):
            total += a[i] * b[i]
        partial[piece] = total
    return _total(partial)


@njit(cache=True, parallel=True, fastmath={"reassoc", "contract", "nsz"})
def dot_pair(a, b, c):
    """Return the inner products of a with b and of a with c."""
    n = a.shape[0]
    partial = np.zeros((2, PIECES))
    for piece in prange(PIECES):
        total_b = 0.0
        total_c = 0.0
        for i in range(piece * n // PIECES, (piece + 1) * n // PIECES):
            total_b += a[i] * b[i]
            total_c += a[i] * c[i]
        partial[0, piece] = total_b
        partial[1, piece] = total_c
    return _total(partial[0]), _total(partial[1])


@njit(cache=True, parallel=True)
def combine(a, beta, b):
    """Overwrite b with a + beta b."""
    n = a.shape[0]
    for piece in prange(PIECES):
        for i in range(piece * n // PIECES, (piece + 1) * n // PIECES):
            b[i] = a[i] + beta * b[i]


@njit(cache=True, parallel=True, fastmath={"reassoc", "contract", "nsz"})
def advance(step, direction, product, x, residual):
    """Move x along the direction, update the residual, return the residual's squared norm."""
    n = x.shape[0]
    partial = np.zeros(PIECES)
    for piece in prange(PIECES):
        total = 0.0
        for i in range(piece * n // PIECES, (piece + 1) * n // PIECES):
            x[i] += step * direction[i]
            value = residual[i] - step * product[i]
            residual[i] = value
            total += value * value
        partial[piece] = total
    return _total(partial)
