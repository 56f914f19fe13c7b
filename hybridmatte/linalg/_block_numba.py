"""Kernels for sparse matrices of 4 x 4 blocks (indptr, indices, blocks); blocks are stored column by column."""

import numpy as np
from numba import njit, prange

from hybridmatte.linalg._spd_numba import invert_spd

FLAGS = {"contract"}
PIECES = 16


@njit(cache=True, fastmath=FLAGS)
def _accumulate_product(a, b, out):
    """Add the 4 x 4 product a b to out, a column at a time in four registers."""
    for k in range(4):
        o0, o1, o2, o3 = out[k, 0], out[k, 1], out[k, 2], out[k, 3]
        for q in range(4):
            factor = b[k, q]
            o0 += a[q, 0] * factor
            o1 += a[q, 1] * factor
            o2 += a[q, 2] * factor
            o3 += a[q, 3] * factor
        out[k, 0] = o0
        out[k, 1] = o1
        out[k, 2] = o2
        out[k, 3] = o3


@njit(cache=True, parallel=True)
def count_product(a_indptr, a_indices, b_indptr, b_indices, n_columns, counts):
    """Count the blocks in each row of A B."""
    n = a_indptr.shape[0] - 1
    for piece in prange(PIECES):
        seen = np.full(n_columns, -1, np.int32)
        for i in range(piece * n // PIECES, (piece + 1) * n // PIECES):
            count = 0
            for position in range(a_indptr[i], a_indptr[i + 1]):
                j = a_indices[position]
                for inner in range(b_indptr[j], b_indptr[j + 1]):
                    if seen[b_indices[inner]] != i:
                        seen[b_indices[inner]] = i
                        count += 1
            counts[i] = count


@njit(cache=True, parallel=True, fastmath=FLAGS)
def fill_product(a_indptr, a_indices, a_blocks, b_indptr, b_indices, b_blocks, n_columns, indptr, indices, blocks):
    """Write the blocks of A B; the columns of a row come in the order they are met."""
    n = a_indptr.shape[0] - 1
    for piece in prange(PIECES):
        place = np.full(n_columns, -1, np.int32)
        for i in range(piece * n // PIECES, (piece + 1) * n // PIECES):
            end = indptr[i]
            for position in range(a_indptr[i], a_indptr[i + 1]):
                j = a_indices[position]
                for inner in range(b_indptr[j], b_indptr[j + 1]):
                    column = b_indices[inner]
                    at = place[column]
                    if at < indptr[i]:
                        at = end
                        place[column] = end
                        indices[end] = column
                        blocks[end] = 0.0
                        end += 1
                    _accumulate_product(a_blocks[position], b_blocks[inner], blocks[at])


@njit(cache=True)
def transpose(indptr, indices, blocks, n_columns):
    """Return the transpose of a block matrix."""
    n = indptr.shape[0] - 1
    t_indptr = np.zeros(n_columns + 1, np.int32)
    for k in range(indices.shape[0]):
        t_indptr[indices[k] + 1] += 1
    for j in range(n_columns):
        t_indptr[j + 1] += t_indptr[j]
    free = t_indptr[:-1].copy()
    t_indices = np.empty_like(indices)
    t_blocks = np.empty_like(blocks)
    for i in range(n):
        for k in range(indptr[i], indptr[i + 1]):
            at = free[indices[k]]
            free[indices[k]] += 1
            t_indices[at] = i
            for q in range(4):
                for p in range(4):
                    t_blocks[at, q, p] = blocks[k, p, q]
    return t_indptr, t_indices, t_blocks


@njit(cache=True, parallel=True)
def fix_diagonal(indptr, indices, blocks, inverse):
    """Give unused unknowns the diagonal 1, and write the inverse of each diagonal block."""
    for i in prange(indptr.shape[0] - 1):
        lower = np.zeros((4, 4))
        result = np.zeros((4, 4))
        for k in range(indptr[i], indptr[i + 1]):
            if indices[k] == i:
                for p in range(4):
                    if blocks[k, p, p] <= 0.0:
                        blocks[k, p, p] = 1.0
                invert_spd(blocks[k], lower, result)
        inverse[i] = result


@njit(cache=True, parallel=True)
def smoothed_prolongation(indptr, indices, blocks, inverse, parents, basis, omega, p_indptr, p_indices, p_blocks,
                          counts):
    """Write the rows of (Id - omega D^-1 A) P for a P with one block a row: basis[i] in column parents[i]."""
    for i in prange(indptr.shape[0] - 1):
        first = p_indptr[i]
        end = first
        product = np.empty((4, 4), np.float32)
        scaled = np.empty((4, 4), np.float32)
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[k]
            at = first
            while at < end and p_indices[at] != parents[j]:
                at += 1
            if at == end:
                p_indices[end] = parents[j]
                p_blocks[end] = 0.0
                end += 1
            product[:] = 0.0
            _accumulate_product(blocks[k], basis[j], product)
            scaled[:] = 0.0
            _accumulate_product(inverse[i], product, scaled)
            for q in range(4):
                for p in range(4):
                    p_blocks[at, q, p] -= omega * scaled[q, p]
                    if j == i:
                        p_blocks[at, q, p] += basis[i, q, p]
        counts[i] = end - first


@njit(cache=True, fastmath=FLAGS)
def _multiply_row(first, last, indices, blocks, x, sign, r0, r1, r2, r3):
    """Return r + sign * (the row of A) x."""
    for k in range(first, last):
        j = indices[k]
        for q in range(4):
            value = sign * x[j, q]
            r0 += blocks[k, q, 0] * value
            r1 += blocks[k, q, 1] * value
            r2 += blocks[k, q, 2] * value
            r3 += blocks[k, q, 3] * value
    return r0, r1, r2, r3


@njit(cache=True, parallel=True, fastmath=FLAGS)
def multiply(indptr, indices, blocks, x, out):
    """Write A x into out; vectors are (n, 4)."""
    zero = np.float32(0.0)
    for i in prange(indptr.shape[0] - 1):
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = _multiply_row(
            indptr[i], indptr[i + 1], indices, blocks, x, np.float32(1.0), zero, zero, zero, zero)


@njit(cache=True, parallel=True, fastmath=FLAGS)
def add_product(indptr, indices, blocks, x, out):
    """Add A x to out."""
    for i in prange(indptr.shape[0] - 1):
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = _multiply_row(
            indptr[i], indptr[i + 1], indices, blocks, x, np.float32(1.0), out[i, 0], out[i, 1], out[i, 2], out[i, 3])


@njit(cache=True, parallel=True, fastmath=FLAGS)
def subtract_product(indptr, indices, blocks, rhs, x, out):
    """Write rhs - A x into out."""
    for i in prange(indptr.shape[0] - 1):
        out[i, 0], out[i, 1], out[i, 2], out[i, 3] = _multiply_row(
            indptr[i], indptr[i + 1], indices, blocks, x, np.float32(-1.0), rhs[i, 0], rhs[i, 1], rhs[i, 2], rhs[i, 3])


@njit(cache=True, parallel=True, fastmath=FLAGS)
def smooth(indptr, indices, blocks, step, rhs, x, out):
    """Write one step of damped block Jacobi, x + step (rhs - A x), into out, another vector."""
    for i in prange(indptr.shape[0] - 1):
        r0, r1, r2, r3 = _multiply_row(
            indptr[i], indptr[i + 1], indices, blocks, x, np.float32(-1.0), rhs[i, 0], rhs[i, 1], rhs[i, 2], rhs[i, 3])
        for p in range(4):
            out[i, p] = x[i, p] + step[i, 0, p] * r0 + step[i, 1, p] * r1 + step[i, 2, p] * r2 + step[i, 3, p] * r3


@njit(cache=True, parallel=True, fastmath=FLAGS)
def scale_residual(step, rhs, out):
    """Write step rhs into out: the first smoothing step from zero."""
    for i in prange(rhs.shape[0]):
        for p in range(4):
            out[i, p] = (step[i, 0, p] * rhs[i, 0] + step[i, 1, p] * rhs[i, 1] + step[i, 2, p] * rhs[i, 2]
                         + step[i, 3, p] * rhs[i, 3])
