"""Kernels for sparse matrices of 4 x 4 blocks, the coarse levels of the multigrid; used by ``multigrid.py``.

A matrix is (indptr, indices, blocks), CSR form with a block for each entry. blocks (nnz, 4, 4) float32 are stored
column by column: blocks[k, q, p] is the entry in row p and column q of block k. Vectors are (n, 4) float32.

Functions with an argument `run` make the call, or return it if `run` is `prepare_pieces`.

Indices in the short kernels are unsigned: a signed index would need a check for negative values.
"""

import numpy as np

from hybridmatte.linalg._spd_numba import invert_spd
from hybridmatte.linalg.threads import kernel, run_alone, run_pieces, short_kernel

FLAGS = {"contract"}  # fused multiply-add only: no reordering
ONE = np.uint64(1)
PRODUCT, SUM, SMOOTH = 0, 1, 2  # forms of `_multiply`
ROW_COST = 80  # nanoseconds to multiply one row with a vector


@kernel(noalias=True, fastmath=FLAGS)
def _accumulate_product(a, b, out):
    """Add the product a b of two blocks to the block `out`, one column at a time in four registers."""
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


@kernel(allocates=True)
def _count_product(first, last, a_indptr, a_indices, b_indptr, b_indices, n_columns, counts):
    """Count the blocks in rows first to last - 1 of A B: the different columns that occur."""
    last_row = np.empty(n_columns, np.int32)
    for column in range(n_columns):
        last_row[column] = -1
    for i in range(first, last):
        count = 0
        for position in range(a_indptr[i], a_indptr[i + 1]):
            j = a_indices[position]
            for inner in range(b_indptr[j], b_indptr[j + 1]):
                if last_row[b_indices[inner]] != i:
                    last_row[b_indices[inner]] = i
                    count += 1
        counts[i] = count


def count_product(a_indptr, a_indices, b_indptr, b_indices, n_columns, counts):
    """Write the number of blocks in each row of A B into counts; B has n_columns columns."""
    run_pieces(_count_product, len(a_indptr) - 1, a_indptr, a_indices, b_indptr, b_indices, n_columns, counts, cost=100)


@kernel(allocates=True, noalias=True, fastmath=FLAGS)
def _fill_product(
    first, last, a_indptr, a_indices, a_blocks, b_indptr, b_indices, b_blocks, n_columns, indptr, indices, blocks
):
    """Write rows first to last - 1 of A B.

    position_of[c] is the position of the row's block in column c if it is at least indptr[i], the start of row i;
    otherwise the row has no such block yet.
    """
    position_of = np.empty(n_columns, np.int32)
    for column in range(n_columns):
        position_of[column] = -1
    for i in range(first, last):
        end = indptr[i]
        for position in range(a_indptr[i], a_indptr[i + 1]):
            j = a_indices[position]
            for inner in range(b_indptr[j], b_indptr[j + 1]):
                column = b_indices[inner]
                at = position_of[column]
                if at < indptr[i]:
                    at = end
                    position_of[column] = end
                    indices[end] = column
                    for q in range(4):
                        for p in range(4):
                            blocks[end, q, p] = 0.0
                    end += 1
                for k in range(4):
                    o0, o1, o2, o3 = blocks[at, k, 0], blocks[at, k, 1], blocks[at, k, 2], blocks[at, k, 3]
                    for q in range(4):
                        factor = b_blocks[inner, k, q]
                        o0 += a_blocks[position, q, 0] * factor
                        o1 += a_blocks[position, q, 1] * factor
                        o2 += a_blocks[position, q, 2] * factor
                        o3 += a_blocks[position, q, 3] * factor
                    blocks[at, k, 0] = o0
                    blocks[at, k, 1] = o1
                    blocks[at, k, 2] = o2
                    blocks[at, k, 3] = o3


def fill_product(a_indptr, a_indices, a_blocks, b_indptr, b_indices, b_blocks, n_columns, indptr, indices, blocks):
    """Write the indices and blocks of A B, given its indptr.

    The columns of a row come in the order in which they are first found, so they are not sorted.
    """
    run_pieces(
        _fill_product,
        len(a_indptr) - 1,
        a_indptr,
        a_indices,
        a_blocks,
        b_indptr,
        b_indices,
        b_blocks,
        n_columns,
        indptr,
        indices,
        blocks,
        cost=1000,
    )


@kernel
def _transpose(indptr, indices, blocks, free, t_indices, t_blocks):
    """Write the entries of the transpose; free[j] is the next free position of its row j and is advanced."""
    for i in range(indptr.shape[0] - 1):
        for k in range(indptr[i], indptr[i + 1]):
            at = free[indices[k]]
            free[indices[k]] += 1
            t_indices[at] = i
            for q in range(4):
                for p in range(4):
                    t_blocks[at, q, p] = blocks[k, p, q]


def transpose(indptr, indices, blocks, n_columns):
    """Return (indptr, indices, blocks) of the transpose of a matrix of n_columns columns; indices ascend in a row."""
    t_indptr = np.zeros(n_columns + 1, np.int32)
    t_indptr[1:] = np.cumsum(np.bincount(indices, minlength=n_columns))
    t_indices, t_blocks = np.empty_like(indices), np.empty_like(blocks)
    run_alone(_transpose, indptr, indices, blocks, t_indptr[:-1].copy(), t_indices, t_blocks)
    return t_indptr, t_indices, t_blocks


@kernel(allocates=True)
def _fix_diagonal(first, last, indptr, indices, blocks, tolerance, inverse):
    """Replace diagonal entries that are not positive by 1, and invert the diagonal blocks."""
    matrix, lower, result = np.empty((4, 4)), np.empty((4, 4)), np.empty((4, 4))
    for i in range(first, last):
        for p in range(4):
            for q in range(4):
                result[p, q] = 0.0
        for k in range(indptr[i], indptr[i + 1]):
            if indices[k] == i:
                for p in range(4):
                    if blocks[k, p, p] <= 0.0:
                        blocks[k, p, p] = 1.0
                for p in range(4):
                    for q in range(4):
                        matrix[p, q] = blocks[k, p, q]
                invert_spd(matrix, tolerance, lower, result)
        for p in range(4):
            for q in range(4):
                inverse[i, p, q] = result[p, q]


def fix_diagonal(indptr, indices, blocks, tolerance, inverse):
    """Give unknowns without a coarse function the diagonal 1; write the inverses (n, 4, 4) of the diagonal blocks.

    Such an unknown belongs to a function that was dependent, so its row and column are zero. The inverse is zero where
    a row has no diagonal block, and in directions whose pivot is at most `tolerance` of its diagonal entry.
    """
    run_pieces(_fix_diagonal, len(indptr) - 1, indptr, indices, blocks, tolerance, inverse, cost=200)


@kernel(allocates=True)
def _smooth_prolongation(
    first_row, last_row, indptr, indices, blocks, inverse, parents, basis, omega, p_indptr, p_indices, p_blocks
):
    """Write rows first_row to last_row - 1 of the smoothed prolongation.

    The blocks of A P are summed first. Each is then multiplied by -omega D^-1, and added to P's own block.
    """
    product = np.empty((4, 4), np.float32)
    for i in range(first_row, last_row):
        first = p_indptr[i]
        end = first
        for k in range(indptr[i], indptr[i + 1]):
            j = indices[k]
            at = first
            while at < end and p_indices[at] != parents[j]:
                at += 1
            if at == end:
                p_indices[end] = parents[j]
                for q in range(4):
                    for p in range(4):
                        p_blocks[end, q, p] = 0.0
                end += 1
            _accumulate_product(blocks[k], basis[j], p_blocks[at])
        for at in range(first, end):
            is_own = p_indices[at] == parents[i]
            for q in range(4):
                for p in range(4):
                    product[q, p] = -omega * p_blocks[at, q, p]
                    p_blocks[at, q, p] = basis[i, q, p] if is_own else 0.0
            _accumulate_product(inverse[i], product, p_blocks[at])


def smoothed_prolongation(indptr, indices, blocks, inverse, parents, basis, omega, p_indptr, p_indices, p_blocks):
    """Write the rows of (Id - omega D^-1 A) P, where P has one block in each row: basis[i] in column parents[i].

    D^-1 is `inverse` (n, 4, 4), the inverses of the diagonal blocks of A. Row i is written from position p_indptr[i]
    on, with its columns in the order in which they are first found.
    """
    run_pieces(
        _smooth_prolongation,
        len(indptr) - 1,
        indptr,
        indices,
        blocks,
        inverse,
        parents,
        basis,
        omega,
        p_indptr,
        p_indices,
        p_blocks,
        cost=1000,
    )


@short_kernel(fastmath=FLAGS)
def _multiply(first, last, indptr, indices, blocks, x, form, sign, start, step, out):
    """Write A x (PRODUCT), start + sign A x (SUM) or x + step (start + sign A x) (SMOOTH) into out, as `form` says.

    step (n, 4, 4) is a block for each row. Even and odd columns of the blocks are summed apart, because each sum waits
    for the one before.
    """
    for i in range(np.uint64(first), np.uint64(last)):
        r0 = r1 = r2 = r3 = s0 = s1 = s2 = s3 = np.float32(0.0)
        for k in range(np.uint64(indptr[i]), np.uint64(indptr[i + ONE])):
            j = np.uint64(indices[k])
            for q in range(0, 4, 2):
                even, odd = x[j, q], x[j, q + 1]
                r0 += blocks[k, q, 0] * even
                r1 += blocks[k, q, 1] * even
                r2 += blocks[k, q, 2] * even
                r3 += blocks[k, q, 3] * even
                s0 += blocks[k, q + 1, 0] * odd
                s1 += blocks[k, q + 1, 1] * odd
                s2 += blocks[k, q + 1, 2] * odd
                s3 += blocks[k, q + 1, 3] * odd
        r0, r1, r2, r3 = r0 + s0, r1 + s1, r2 + s2, r3 + s3
        if form != PRODUCT:
            r0, r1, r2, r3 = (
                start[i, 0] + sign * r0,
                start[i, 1] + sign * r1,
                start[i, 2] + sign * r2,
                start[i, 3] + sign * r3,
            )
        if form == SMOOTH:
            for p in range(4):
                out[i, p] = x[i, p] + step[i, 0, p] * r0 + step[i, 1, p] * r1 + step[i, 2, p] * r2 + step[i, 3, p] * r3
        else:
            out[i, 0] = r0
            out[i, 1] = r1
            out[i, 2] = r2
            out[i, 3] = r3


def multiply(indptr, indices, blocks, x, out, run=None):
    """Write A x into out."""
    return _run_multiply(run, indptr, indices, blocks, x, PRODUCT, 1.0, x, blocks, out)


def add_product(indptr, indices, blocks, x, out, run=None):
    """Add A x to out."""
    return _run_multiply(run, indptr, indices, blocks, x, SUM, 1.0, out, blocks, out)


def subtract_product(indptr, indices, blocks, rhs, x, out, run=None):
    """Write rhs - A x into out."""
    return _run_multiply(run, indptr, indices, blocks, x, SUM, -1.0, rhs, blocks, out)


def smooth(indptr, indices, blocks, step, rhs, x, out, run=None):
    """Write one step of damped block Jacobi, x + step (rhs - A x), into out, another vector."""
    return _run_multiply(run, indptr, indices, blocks, x, SMOOTH, -1.0, rhs, step, out)


def _run_multiply(run, indptr, indices, blocks, x, form, sign, start, step, out):
    """Run `_multiply` over all rows, or prepare that call."""
    return (run or run_pieces)(
        _multiply, len(indptr) - 1, indptr, indices, blocks, x, form, np.float32(sign), start, step, out, cost=ROW_COST
    )


@short_kernel(fastmath=FLAGS)
def _scale_residual(first, last, step, rhs, out):
    """Multiply rows first to last - 1 of rhs by their blocks of `step`."""
    for i in range(np.uint64(first), np.uint64(last)):
        for p in range(4):
            out[i, p] = (
                step[i, 0, p] * rhs[i, 0]
                + step[i, 1, p] * rhs[i, 1]
                + step[i, 2, p] * rhs[i, 2]
                + step[i, 3, p] * rhs[i, 3]
            )


def scale_residual(step, rhs, out, run=None):
    """Write step rhs, of blocks step (n, 4, 4), into out: one step of damped block Jacobi from x = 0."""
    return (run or run_pieces)(_scale_residual, len(rhs), step, rhs, out, cost=10)
