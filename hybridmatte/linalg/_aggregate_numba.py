"""Kernels of the coarse functions of the colour-line multigrid; used by ``multigrid.py``.

The coarse functions are {1, R, G, B} on square blocks of pixels, made orthonormal on each block. The kernels compute
them, apply the prolongation P and the restriction P' between pixels and blocks, and compute the first coarse matrix
P' A P of a 5 x 5 stencil A.

A *cell* is the index of a pixel in an `UnknownLayout`. Cell 0 holds no pixel and stands for "none". Arrays by cell are
(n_cells, ...). `positions` (n, 2) int32 are the block row and block column of n blocks in row-major order.

`restrict` and `prolong` make their calls, or return them if `run` is `prepare_pieces`.

Indices in the short kernels are unsigned: a signed index would need a check for negative values.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces, short_kernel

FLAGS = {"contract"}  # fused multiply-add only: no reordering


def mark_blocks(segments, height, width, size):
    """Number the blocks of size x size pixels that a run of the layout touches.

    Return the number of each block, (block rows, block columns) int32, -1 for the others, and the blocks' positions.
    """
    shape = (-(-height // size), -(-width // size) + 1)  # one more column, where runs end at the latest
    row, first, last = segments[:, 0] // size, segments[:, 1] // size, (segments[:, 2] - 1) // size
    starts, ends = (np.bincount(row * shape[1] + column, minlength=shape[0] * shape[1]) for column in (first, last + 1))
    index = np.cumsum((starts - ends).reshape(shape), axis=1)[:, :-1]
    index = np.where(index > 0, 0, -1).astype(np.int32)
    return index, number_blocks(index)


def number_blocks(index):
    """Replace the zeros of `index` by 0, 1, 2, ... in row-major order, in place; return their positions."""
    rows, columns = np.nonzero(index == 0)
    index[rows, columns] = np.arange(len(rows))
    return np.stack([rows, columns], axis=1).astype(np.int32)


def coarsen_blocks(positions, shape, size):
    """Join the blocks of a grid of the given shape into parents of size x size blocks.

    Return the parent (n,) of each block, the positions of the parents, and arrays `first` and `members`: the blocks of
    parent k are members[first[k]:first[k + 1]], in ascending order.
    """
    rows, columns = (positions // size).T
    index = np.full([-(-side // size) for side in shape], -1, np.int32)
    index[rows, columns] = 0
    parent_positions = number_blocks(index)
    parents = index[rows, columns]
    first = np.zeros(len(parent_positions) + 1, np.int32)
    first[1:] = np.cumsum(np.bincount(parents, minlength=len(parent_positions)))
    return parents, parent_positions, first, np.argsort(parents, kind="stable").astype(np.int32)


@kernel(allocates=True)
def _orthonormalize(first, last, rows, lengths, values, tolerance, basis, triangles):
    """Make four functions orthonormal on each group of rows, by modified Gram-Schmidt.

    The rows of group g are rows[g, :lengths[g]]. The columns of values (n, 4) are the functions. The orthonormal
    functions Q are written to the same rows of basis (n, 4), and the factor T (4, 4) with values = Q T to triangles[g].

    The constant is processed first, then always the remaining function of the largest norm. A function is dependent if
    its squared norm has fallen to `tolerance` times its original one, or if the group has too few rows; its column of Q
    and its row of T are then 0.
    """
    functions = np.empty((rows.shape[1], 4))
    norms = np.empty(4)
    is_done = np.empty(4, np.bool_)
    for group in range(first, last):
        n = lengths[group]
        for c in range(4):
            is_done[c] = False
            norms[c] = 0.0
            for d in range(4):
                triangles[group, c, d] = 0.0
            for t in range(n):
                functions[t, c] = values[rows[group, t], c]
                norms[c] += functions[t, c] * functions[t, c]
        for step in range(4):
            column = 0
            square = -1.0
            for c in range(4 if step else 1):
                if is_done[c]:
                    continue
                norm = 0.0
                for t in range(n):
                    norm += functions[t, c] * functions[t, c]
                if norm > square:
                    column = c
                    square = norm
            is_done[column] = True
            is_dependent = square <= tolerance * norms[column] or step >= n
            scale = np.sqrt(square)
            for t in range(n):
                functions[t, column] = 0.0 if is_dependent else functions[t, column] / scale
            if is_dependent:
                continue
            triangles[group, column, column] = scale
            for other in range(4):  # make the remaining functions orthogonal to the new one
                if other == column or triangles[group, other, other] != 0.0:
                    continue
                product = 0.0
                for t in range(n):
                    product += functions[t, column] * functions[t, other]
                triangles[group, column, other] = product
                for t in range(n):
                    functions[t, other] -= product * functions[t, column]
        for t in range(n):
            for c in range(4):
                basis[rows[group, t], c] = functions[t, c]


@kernel
def _collect_cells(first, last, image, cell_map, size, positions, cells, lengths, values):
    """List the cells of each block in row-major order of their pixels, and write 1, R, G, B of each cell."""
    height, width = cell_map.shape
    for block in range(first, last):
        n = 0
        for y in range(positions[block, 0] * size, min(height, (positions[block, 0] + 1) * size)):
            for x in range(positions[block, 1] * size, min(width, (positions[block, 1] + 1) * size)):
                cell = cell_map[y, x]
                if cell > 0:
                    cells[block, n] = cell
                    values[cell, 0] = 1.0
                    for c in range(3):
                        values[cell, 1 + c] = image[y, x, c]
                    n += 1
        lengths[block] = n


def pixel_basis(image, cell_map, size, positions, tolerance, cells, basis, triangles):
    """Compute the coarse functions of the pixel blocks.

    Inputs are the image (H, W, 3), cell_map (H, W), the cell of each pixel, and the blocks' size and positions;
    `tolerance` is that of `_orthonormalize`. Written are cells (n, size**2), the cells of each block followed by zeros
    (the array is zero before); basis (n_cells, 4), the orthonormal functions; triangles (n, 4, 4), which express 1, R,
    G and B on each block by them.
    """
    lengths, values = np.empty(len(cells), np.int64), np.empty((len(basis), 4))
    run_pieces(_collect_cells, len(cells), image, cell_map, size, positions, cells, lengths, values, cost=50)
    run_pieces(_orthonormalize, len(cells), cells, lengths, values, tolerance, basis, triangles, cost=500)


def block_basis(first, members, triangles, tolerance, basis, coarse_triangles):
    """Compute the coarse functions of groups of blocks from the triangular factors of the blocks.

    `first` and `members` are the groups, as `coarsen_blocks` returns them; triangles (n, 4, 4) are the factors of the
    blocks. Written are basis (n, 4, 4), the group's functions expressed by each block's own, stored column by column,
    and coarse_triangles (groups, 4, 4), the factors of the groups.
    """
    lengths = 4 * np.diff(first).astype(np.int64)
    rows = np.zeros((len(lengths), lengths.max(initial=0)), np.int32)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = (4 * members[:, None] + np.arange(4)).ravel()
    by_row = np.zeros((4 * len(basis), 4), np.float32)
    run_pieces(
        _orthonormalize,
        len(rows),
        rows,
        lengths,
        triangles.reshape(-1, 4),
        tolerance,
        by_row,
        coarse_triangles,
        cost=500,
    )
    basis[:] = by_row.reshape(-1, 4, 4).swapaxes(1, 2)


def block_pattern(index, positions):
    """Return (indptr, indices), the pattern of a matrix that couples each block with the 3 x 3 blocks around it.

    `index` is the number of each block, -1 for none; `positions` are the blocks' positions.
    """
    padded = np.pad(index, 1, constant_values=-1)
    dy, dx = np.divmod(np.arange(9), 3)
    neighbors = padded[positions[:, :1] + dy, positions[:, 1:] + dx]
    is_block = neighbors >= 0
    indptr = np.zeros(len(positions) + 1, np.int32)
    indptr[1:] = np.cumsum(is_block.sum(axis=1))
    return indptr, neighbors[is_block]


@inlined
def _add_entries(cell_map, y, x, rows, columns, basis, weights, diagonal, total):
    """Add the entries of pixel (y, x) to the neighbours in a rectangle, all of one block, to that block of P' A P.

    The rows and columns of the rectangle are offsets from the pixel, (first, last + 1) within -2 to 2. `cell_map` has a
    border of two pixels. total (4, 4) is stored column by column.
    """
    cell = np.uint64(cell_map[np.uint64(y + 2), np.uint64(x + 2)])
    a0 = a1 = a2 = a3 = 0.0
    for dy in range(rows[0], rows[1]):
        for dx in range(columns[0], columns[1]):
            other = np.uint64(cell_map[np.uint64(y + dy + 2), np.uint64(x + dx + 2)])
            k = 5 * dy + dx
            if k > 0:
                weight = weights[np.uint64(k - 1), cell]
            elif k < 0:
                weight = weights[np.uint64(-k - 1), other]
            else:
                weight = diagonal[cell]
            a0 += weight * basis[other, 0]
            a1 += weight * basis[other, 1]
            a2 += weight * basis[other, 2]
            a3 += weight * basis[other, 3]
    b0, b1, b2, b3 = basis[cell, 0], basis[cell, 1], basis[cell, 2], basis[cell, 3]
    for q, value in enumerate((a0, a1, a2, a3)):
        total[q, 0] += b0 * value
        total[q, 1] += b1 * value
        total[q, 2] += b2 * value
        total[q, 3] += b3 * value


@kernel(allocates=True, noalias=True, fastmath=FLAGS)
def _stencil_galerkin(
    first_block, last_block, cell_map, basis, positions, size, weights, diagonal, indptr, indices, blocks
):
    """Compute the blocks of P' A P of each block of pixels with itself and with the later blocks around it.

    The blocks are at least 4 pixels wide. So a pixel's stencil reaches at most one block above and one below.
    """
    height, width = cell_map.shape[0] - 4, cell_map.shape[1] - 4
    total = np.empty((9, 4, 4))
    for block in range(first_block, last_block):
        for near in range(4, 9):
            for q in range(4):
                for p in range(4):
                    total[near, q, p] = 0.0
        top, left = positions[block, 0] * size, positions[block, 1] * size
        for y in range(top, min(top + size, height)):
            for x in range(left, min(left + size, width)):
                if cell_map[y + 2, x + 2] == 0:
                    continue
                rows = (max(top - y, -2), min(top + size - y, 3))  # of the block itself
                columns = (max(left - x, -2), min(left + size - x, 3))
                _add_entries(cell_map, y, x, rows, columns, basis, weights, diagonal, total[4])
                if columns[1] < 3:
                    _add_entries(cell_map, y, x, rows, (columns[1], 3), basis, weights, diagonal, total[5])
                if rows[1] < 3:
                    below = (rows[1], 3)
                    _add_entries(cell_map, y, x, below, columns, basis, weights, diagonal, total[7])
                    if columns[0] > -2:
                        _add_entries(cell_map, y, x, below, (-2, columns[0]), basis, weights, diagonal, total[6])
                    if columns[1] < 3:
                        _add_entries(cell_map, y, x, below, (columns[1], 3), basis, weights, diagonal, total[8])
        for k in range(indptr[block], indptr[block + 1]):
            j = indices[k]
            near = (positions[j, 0] - positions[block, 0] + 1) * 3 + positions[j, 1] - positions[block, 1] + 1
            if near >= 4:
                for q in range(4):
                    for p in range(4):
                        blocks[k, q, p] = total[near, q, p]


@kernel
def _mirror_blocks(first_block, last_block, indptr, indices, blocks):
    """Copy the transposes of the entries with later blocks to the later blocks' rows; indices ascend in a row."""
    for block in range(first_block, last_block):
        for k in range(indptr[block], indptr[block + 1]):
            j = indices[k]
            if j >= block:
                break
            other = indptr[j]
            while indices[other] != block:
                other += 1
            for q in range(4):
                for p in range(4):
                    blocks[k, q, p] = blocks[other, p, q]


def stencil_galerkin(cell_map, basis, positions, size, weights, diagonal, indptr, indices, blocks):
    """Write the blocks of P' A P for the stencil A and the coarse functions P of the pixel blocks.

    Inputs are cell_map, the cell of each pixel with a border of two zeros on each side; basis as `pixel_basis`
    writes it; weights (12, n_cells) and diagonal (n_cells,) of A, where row k of weights belongs to the neighbour
    13 + k in row-major order of the 5 x 5 window. blocks (nnz, 4, 4) are stored column by column, in the pattern of
    `block_pattern`. `size` is at least 4.
    """
    n, pattern = len(positions), (indptr, indices, blocks)
    run_pieces(_stencil_galerkin, n, cell_map, basis, positions, size, weights, diagonal, *pattern, cost=1500)
    run_pieces(_mirror_blocks, n, *pattern, cost=50)


@short_kernel(fastmath=FLAGS)
def _restrict(first, last, cells, basis, residual, out):
    """Write rows first to last - 1 of P' residual."""
    for block in range(np.uint64(first), np.uint64(last)):
        r0 = r1 = r2 = r3 = np.float32(0.0)
        for t in range(cells.shape[1]):
            cell = np.uint64(cells[block, t])
            value = residual[cell]
            r0 += basis[cell, 0] * value
            r1 += basis[cell, 1] * value
            r2 += basis[cell, 2] * value
            r3 += basis[cell, 3] * value
        out[block, 0] = r0
        out[block, 1] = r1
        out[block, 2] = r2
        out[block, 3] = r3


def restrict(cells, basis, residual, out, run=None):
    """Write P' residual (n_cells,) into out (blocks, 4); row 0 of the basis is zero, so missing cells add nothing."""
    return (run or run_pieces)(_restrict, len(cells), cells, basis, residual, out, cost=30)


@short_kernel(fastmath=FLAGS)
def _prolong(first, last, cells, basis, coarse, out):
    """Add P coarse to the cells of blocks first to last - 1."""
    for block in range(np.uint64(first), np.uint64(last)):
        c0 = coarse[block, 0]
        c1 = coarse[block, 1]
        c2 = coarse[block, 2]
        c3 = coarse[block, 3]
        for t in range(cells.shape[1]):
            cell = np.uint64(cells[block, t])
            if cell > 0:
                out[cell] += basis[cell, 0] * c0 + basis[cell, 1] * c1 + basis[cell, 2] * c2 + basis[cell, 3] * c3


def prolong(cells, basis, coarse, out, run=None):
    """Add P coarse, of coarse (blocks, 4), to out (n_cells,)."""
    return (run or run_pieces)(_prolong, len(cells), cells, basis, coarse, out, cost=30)
