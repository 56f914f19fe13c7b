"""Kernels for graphs in CSR form: product, coarse graphs of consecutive rows, Gauss-Seidel sweeps."""

import numpy as np
from numba import njit, prange

CHUNKS = 32


@njit(cache=True, parallel=True, fastmath={"reassoc", "contract", "nsz"})
def multiply(indptr, indices, data, diagonal, x, product):
    """Write ``diagonal * x - W x`` into product."""
    n = diagonal.size
    for chunk in prange(CHUNKS):
        for row in range(chunk * n // CHUNKS, (chunk + 1) * n // CHUNKS):
            total = 0.0
            for i in range(indptr[row], indptr[row + 1]):
                total += data[i] * x[indices[i]]
            product[row] = diagonal[row] * x[row] - total


@njit(cache=True, parallel=True)
def coarsen(indptr, indices, data, diagonal, block):
    """Join every `block` consecutive rows into one; return (indptr, indices, data, diagonal) of the coarse system."""
    n = diagonal.size
    n_coarse = -(-n // block)
    coarse_diagonal = np.zeros(n_coarse)
    starts = np.zeros(n_coarse + 1, np.int64)
    columns = np.empty(indices.size, np.int32)
    values = np.empty(indices.size, np.float32)
    for chunk in prange(CHUNKS):
        place = np.full(n_coarse, -1, np.int64)
        for coarse in range(chunk * n_coarse // CHUNKS, (chunk + 1) * n_coarse // CHUNKS):
            first, last = coarse * block, min((coarse + 1) * block, n)
            end = begin = indptr[first]
            total = 0.0
            for row in range(first, last):
                total += diagonal[row]
            for i in range(begin, indptr[last]):
                column = indices[i] // block
                if column == coarse:
                    total -= data[i]
                elif place[column] < begin:
                    place[column] = end
                    columns[end] = column
                    values[end] = data[i]
                    end += 1
                else:
                    values[place[column]] += data[i]
            coarse_diagonal[coarse] = total
            starts[coarse + 1] = end - begin
    for coarse in range(n_coarse):
        starts[coarse + 1] += starts[coarse]
    coarse_indices, coarse_data = np.empty(starts[n_coarse], np.int32), np.empty(starts[n_coarse], np.float32)
    for coarse in prange(n_coarse):
        for i in range(starts[coarse + 1] - starts[coarse]):
            coarse_indices[starts[coarse] + i] = columns[indptr[coarse * block] + i]
            coarse_data[starts[coarse] + i] = values[indptr[coarse * block] + i]
    return starts, coarse_indices, coarse_data, coarse_diagonal


@njit(cache=True)
def sweep_forward(indptr, indices, data, diagonal, rhs, x):
    """One Gauss-Seidel sweep from zero, first row to last."""
    for row in range(diagonal.size):
        total = rhs[row]
        for i in range(indptr[row], indptr[row + 1]):
            if indices[i] < row:
                total += data[i] * x[indices[i]]
        x[row] = total / diagonal[row]


@njit(cache=True)
def sweep_backward(indptr, indices, data, diagonal, rhs, x):
    """One Gauss-Seidel sweep, last row to first."""
    for row in range(diagonal.size - 1, -1, -1):
        total = rhs[row]
        for i in range(indptr[row], indptr[row + 1]):
            total += data[i] * x[indices[i]]
        x[row] = total / diagonal[row]


@njit(cache=True)
def restrict_residual(indptr, indices, data, diagonal, rhs, x, block, coarse):
    """Sum the residual of x over blocks of rows."""
    coarse[:] = 0.0
    for row in range(diagonal.size):
        total = rhs[row] - diagonal[row] * x[row]
        for i in range(indptr[row], indptr[row + 1]):
            total += data[i] * x[indices[i]]
        coarse[row // block] += total


@njit(cache=True)
def add_blocks(coarse, block, factor, x):
    """Add the coarse values to the rows of their blocks."""
    for row in range(x.size):
        x[row] += factor * coarse[row // block]


@njit(cache=True, parallel=True)
def sum_blocks(vector, block, coarse):
    """Sum a vector over blocks of rows."""
    for i in prange(coarse.size):
        total = 0.0
        for row in range(i * block, min((i + 1) * block, vector.size)):
            total += vector[row]
        coarse[i] = total


@njit(cache=True, parallel=True)
def join(residual, diagonal, coarse, block, result):
    """Write the residual over the diagonal plus the coarse correction into result."""
    n = residual.size
    for chunk in prange(CHUNKS):
        for row in range(chunk * n // CHUNKS, (chunk + 1) * n // CHUNKS):
            result[row] = residual[row] / diagonal[row] + coarse[row // block]
