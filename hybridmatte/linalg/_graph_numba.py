"""Kernels for graphs in CSR form: product, coarse graphs of consecutive rows, Gauss-Seidel sweeps."""

import numpy as np

from hybridmatte.linalg.threads import kernel, run_pieces

REORDER = {"reassoc", "contract", "nsz"}


@kernel(fastmath=REORDER)
def _multiply(first, last, indptr, indices, data, diagonal, x, product):
    for row in range(first, last):
        total = 0.0
        for i in range(indptr[row], indptr[row + 1]):
            total += data[i] * x[indices[i]]
        product[row] = diagonal[row] * x[row] - total


def multiply(indptr, indices, data, diagonal, x, product):
    """Write ``diagonal * x - W x`` into product."""
    run_pieces(_multiply, diagonal.size, indptr, indices, data, diagonal, x, product, cost=20)


@kernel
def _coarsen(first_row, last_row, indptr, indices, data, diagonal, block, coarse_diagonal, counts, columns, values):
    n = diagonal.size
    place = np.empty(coarse_diagonal.size, np.int64)
    for column in range(place.size):
        place[column] = -1
    for coarse in range(first_row, last_row):
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
        counts[coarse] = end - begin


@kernel
def _pack(first, last, indptr, columns, values, block, starts, coarse_indices, coarse_data):
    for coarse in range(first, last):
        for i in range(starts[coarse + 1] - starts[coarse]):
            coarse_indices[starts[coarse] + i] = columns[indptr[coarse * block] + i]
            coarse_data[starts[coarse] + i] = values[indptr[coarse * block] + i]


def coarsen(indptr, indices, data, diagonal, block):
    """Join every `block` consecutive rows into one; return (indptr, indices, data, diagonal) of the coarse system."""
    n_coarse = -(-diagonal.size // block)
    coarse_diagonal, starts = np.zeros(n_coarse), np.zeros(n_coarse + 1, np.int64)
    columns, values = np.empty(indices.size, np.int32), np.empty(indices.size, np.float32)
    run_pieces(
        _coarsen,
        n_coarse,
        indptr,
        indices,
        data,
        diagonal,
        block,
        coarse_diagonal,
        starts[1:],
        columns,
        values,
        cost=100 * block,
    )
    np.cumsum(starts, out=starts)
    coarse_indices, coarse_data = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    run_pieces(_pack, n_coarse, indptr, columns, values, block, starts, coarse_indices, coarse_data, cost=20 * block)
    return starts, coarse_indices, coarse_data, coarse_diagonal


@kernel
def sweep_forward(indptr, indices, data, diagonal, rhs, x):
    """One Gauss-Seidel sweep from zero, first row to last."""
    for row in range(diagonal.size):
        total = rhs[row]
        for i in range(indptr[row], indptr[row + 1]):
            if indices[i] < row:
                total += data[i] * x[indices[i]]
        x[row] = total / diagonal[row]


@kernel
def sweep_backward(indptr, indices, data, diagonal, rhs, x):
    """One Gauss-Seidel sweep, last row to first."""
    for row in range(diagonal.size - 1, -1, -1):
        total = rhs[row]
        for i in range(indptr[row], indptr[row + 1]):
            total += data[i] * x[indices[i]]
        x[row] = total / diagonal[row]


@kernel
def restrict_residual(indptr, indices, data, diagonal, rhs, x, block, coarse):
    """Sum the residual of x over blocks of rows."""
    coarse[:] = 0.0
    for row in range(diagonal.size):
        total = rhs[row] - diagonal[row] * x[row]
        for i in range(indptr[row], indptr[row + 1]):
            total += data[i] * x[indices[i]]
        coarse[row // block] += total


@kernel
def add_blocks(coarse, block, factor, x):
    """Add the coarse values to the rows of their blocks."""
    for row in range(x.size):
        x[row] += factor * coarse[row // block]


@kernel
def _sum_blocks(first, last, vector, block, coarse):
    for i in range(first, last):
        total = 0.0
        for row in range(i * block, min((i + 1) * block, vector.size)):
            total += vector[row]
        coarse[i] = total


def sum_blocks(vector, block, coarse):
    """Sum a vector over blocks of rows."""
    run_pieces(_sum_blocks, coarse.size, vector, block, coarse, cost=block)


@kernel
def _join(first, last, residual, diagonal, coarse, block, result):
    for row in range(first, last):
        result[row] = residual[row] / diagonal[row] + coarse[row // block]


def join(residual, diagonal, coarse, block, result):
    """Write the residual over the diagonal plus the coarse correction into result."""
    run_pieces(_join, residual.size, residual, diagonal, coarse, block, result, cost=1)
