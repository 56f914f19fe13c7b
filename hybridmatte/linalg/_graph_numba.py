"""Kernels for graph Laplacians D - W in CSR form.

`multiply` is used by ``hybridmatte/systems/graph.py`` and ``hybridmatte/methods/nonlocal_means.py``, all other kernels
by the preconditioner in ``graph_aggregation.py``. A graph is (indptr, indices, data), the entries of W, and diagonal
(n,), the diagonal of D - W; W has no diagonal entries. A coarse graph has one row for each `block` consecutive rows.
"""

import numpy as np

from hybridmatte.linalg.threads import kernel, run_pieces, short_kernel

REORDER = {"reassoc", "contract", "nsz"}
ONE = np.uint64(1)  # indices in the short kernels are unsigned: a signed index would need a check for negative values


@short_kernel(fastmath=REORDER)
def _multiply(first, last, indptr, indices, data, diagonal, x, product):
    """Write rows first to last - 1 of ``diagonal * x - W x`` into product."""
    for row in range(np.uint64(first), np.uint64(last)):
        total = 0.0
        for i in range(np.uint64(indptr[row]), np.uint64(indptr[row + ONE])):
            total += data[i] * x[np.uint64(indices[i])]
        product[row] = diagonal[row] * x[row] - total


def multiply(indptr, indices, data, diagonal, x, product):
    """Write ``diagonal * x - W x`` into product."""
    run_pieces(_multiply, diagonal.size, indptr, indices, data, diagonal, x, product, cost=20)


@kernel(allocates=True)
def _coarsen(first_row, last_row, indptr, indices, data, diagonal, block, coarse_diagonal, counts, columns, values):
    """Compute coarse rows: sum the rows of each block, and within a row the columns of each block.

    A coarse row is written to `columns` and `values` from the start of its first fine row on, and its length to
    `counts`. position_of[c] is the position of column c in the current coarse row if it is at least the row's start.
    """
    n = diagonal.size
    position_of = np.empty(coarse_diagonal.size, np.int64)
    for column in range(position_of.size):
        position_of[column] = -1
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
            elif position_of[column] < begin:
                position_of[column] = end
                columns[end] = column
                values[end] = data[i]
                end += 1
            else:
                values[position_of[column]] += data[i]
        coarse_diagonal[coarse] = total
        counts[coarse] = end - begin


@kernel
def _pack_rows(first, last, indptr, columns, values, block, starts, middles, coarse_indices, coarse_data):
    """Copy coarse rows from where `_coarsen` wrote them to consecutive positions, ordered as `coarsen` says."""
    for coarse in range(first, last):
        begin, low, high = indptr[coarse * block], starts[coarse], starts[coarse + 1]
        for i in range(begin, begin + high - low):
            if columns[i] < coarse:
                position = low
                low += 1
            else:
                high -= 1
                position = high
            coarse_indices[position] = columns[i]
            coarse_data[position] = values[i]
        middles[coarse] = low


def coarsen(indptr, indices, data, diagonal, block):
    """Join every `block` consecutive rows into one; return (indptr, indices, data, diagonal, middles) of the result.

    The entries of a row before the diagonal come first; middles[row] is the position of the first one after it.
    """
    n_coarse = -(-diagonal.size // block)
    coarse_diagonal = np.zeros(n_coarse)
    starts, middles = np.zeros(n_coarse + 1, np.int64), np.zeros(n_coarse, np.int64)
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
    coarse = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    run_pieces(_pack_rows, n_coarse, indptr, columns, values, block, starts, middles, *coarse, cost=20 * block)
    return starts, *coarse, coarse_diagonal, middles


@kernel(fastmath=REORDER)
def _row_sum(first, last, indices, data, x):
    """Return the sum of the entries first to last - 1 times their elements of x."""
    total = 0.0
    for i in range(np.uint64(first), np.uint64(last)):
        total += data[i] * x[np.uint64(indices[i])]
    return total


@kernel
def sweep_forward(indptr, indices, data, diagonal, middles, rhs, x):
    """Write into x one Gauss-Seidel sweep for (D - W) x = rhs from x = 0, first row to last."""
    for row in range(diagonal.size):
        x[row] = (rhs[row] + _row_sum(indptr[row], middles[row], indices, data, x)) / diagonal[row]


@kernel
def sweep_backward(indptr, indices, data, diagonal, rhs, x):
    """Improve x by one Gauss-Seidel sweep for (D - W) x = rhs, last row to first."""
    for row in range(diagonal.size - 1, -1, -1):
        x[row] = (rhs[row] + _row_sum(indptr[row], indptr[row + 1], indices, data, x)) / diagonal[row]


@short_kernel
def _restrict_residual(first, last, indptr, indices, data, middles, x, block, coarse):
    """Write the sums of the residual over the blocks first to last - 1."""
    size = np.uint64(block)
    for i in range(np.uint64(first), np.uint64(last)):
        total = 0.0
        for row in range(i * size, min((i + ONE) * size, np.uint64(x.size))):
            total += _row_sum(middles[row], indptr[row + ONE], indices, data, x)
        coarse[i] = total


def restrict_residual(indptr, indices, data, middles, x, block, coarse):
    """Write the sums over blocks of rows of the residual that `sweep_forward` leaves into coarse.

    The sweep solves each row for the columns up to its own. So its residual is the sum over the later columns.
    """
    run_pieces(_restrict_residual, coarse.size, indptr, indices, data, middles, x, block, coarse, cost=40 * block)


@kernel
def add_blocks(coarse, block, factor, x):
    """Add `factor` times the coarse value of its block to each row of x."""
    for row in range(x.size):
        x[row] += factor * coarse[row // block]


@short_kernel
def _sum_blocks(first, last, vector, block, coarse):
    """Write the sums of a vector over the blocks first to last - 1."""
    for i in range(first, last):
        total = 0.0
        for row in range(i * block, min((i + 1) * block, vector.size)):
            total += vector[row]
        coarse[i] = total


def sum_blocks(vector, block, coarse):
    """Write the sums of a vector over blocks of rows into coarse."""
    run_pieces(_sum_blocks, coarse.size, vector, block, coarse, cost=block)


@short_kernel
def _add_coarse(first, last, residual, diagonal, coarse, block, result):
    """Write rows first to last - 1 of the result of `add_coarse`."""
    size = np.uint64(block)
    for row in range(np.uint64(first), np.uint64(last)):
        result[row] = residual[row] / diagonal[row] + coarse[row // size]


def add_coarse(residual, diagonal, coarse, block, result):
    """Write ``residual / diagonal`` plus the coarse value of each row's block into result."""
    run_pieces(_add_coarse, residual.size, residual, diagonal, coarse, block, result, cost=1)
