"""Kernels that build the coarse functions {1, R, G, B} on square blocks of pixels, and their fine-level operator."""

import numpy as np
from numba import njit, prange

FLAGS = {"contract"}


@njit(cache=True)
def mark_blocks(segments, height, width, size):
    """Number the size x size pixel blocks that hold a run: (grid of numbers or -1, block rows and columns)."""
    index = np.full(((height + size - 1) // size, (width + size - 1) // size), -1, np.int32)
    for s in range(segments.shape[0]):
        for column in range(segments[s, 1] // size, (segments[s, 2] - 1) // size + 1):
            index[segments[s, 0] // size, column] = 0
    return index, number_blocks(index)


@njit(cache=True)
def number_blocks(index):
    """Number the entries of `index` that are 0 in row-major order; return their rows and columns."""
    count = 0
    for y in range(index.shape[0]):
        for x in range(index.shape[1]):
            if index[y, x] == 0:
                index[y, x] = count
                count += 1
    positions = np.empty((count, 2), np.int32)
    for y in range(index.shape[0]):
        for x in range(index.shape[1]):
            if index[y, x] >= 0:
                positions[index[y, x], 0] = y
                positions[index[y, x], 1] = x
    return positions


@njit(cache=True)
def coarsen_blocks(positions, shape, size):
    """Group blocks by size x size: (parent of each block, positions of the parents, members sorted by parent)."""
    index = np.full(((shape[0] + size - 1) // size, (shape[1] + size - 1) // size), -1, np.int32)
    for i in range(positions.shape[0]):
        index[positions[i, 0] // size, positions[i, 1] // size] = 0
    parent_positions = number_blocks(index)
    parents = np.empty(positions.shape[0], np.int32)
    first = np.zeros(parent_positions.shape[0] + 1, np.int32)
    for i in range(positions.shape[0]):
        parents[i] = index[positions[i, 0] // size, positions[i, 1] // size]
        first[parents[i] + 1] += 1
    for k in range(parent_positions.shape[0]):
        first[k + 1] += first[k]
    free = first[:-1].copy()
    members = np.empty(positions.shape[0], np.int32)
    for i in range(positions.shape[0]):
        members[free[parents[i]]] = i
        free[parents[i]] += 1
    return parents, parent_positions, first, members


@njit(cache=True)
def _project_out(functions, n, column, triangle):
    """Make the other columns, where not yet done, orthogonal to a unit column."""
    for other in range(4):
        if other == column or triangle[other, other] != 0.0:
            continue
        product = 0.0
        for t in range(n):
            product += functions[t, column] * functions[t, other]
        triangle[column, other] = product
        for t in range(n):
            functions[t, other] -= product * functions[t, column]


@njit(cache=True)
def orthonormalize(functions, n, triangle, tolerance):
    """Replace the 4 columns by an orthonormal basis Q, zero where dependent, with functions = Q triangle.

    Modified Gram-Schmidt; the constant first, then the colours by decreasing norm. A column whose squared norm falls
    to tolerance times its first one is dropped.
    """
    triangle[:] = 0.0
    start = np.zeros(4)
    done = np.zeros(4, np.bool_)
    for c in range(4):
        for t in range(n):
            start[c] += functions[t, c] * functions[t, c]
    for step in range(4):
        column = 0
        square = -1.0
        for c in range(4 if step else 1):
            if done[c]:
                continue
            norm = 0.0
            for t in range(n):
                norm += functions[t, c] * functions[t, c]
            if norm > square:
                column = c
                square = norm
        done[column] = True
        if square <= tolerance * start[column] or step >= n:
            functions[:n, column] = 0.0
            continue
        triangle[column, column] = np.sqrt(square)
        for t in range(n):
            functions[t, column] /= triangle[column, column]
        _project_out(functions, n, column, triangle)


@njit(cache=True, parallel=True)
def pixel_basis(image, cell_map, size, positions, tolerance, cells, basis, triangles):
    """Build the functions of each pixel block: its cells (0 where none), their values by cell, triangular factors."""
    height, width = cell_map.shape
    for block in prange(positions.shape[0]):
        functions = np.zeros((size * size, 4))
        n = 0
        for y in range(positions[block, 0] * size, min(height, (positions[block, 0] + 1) * size)):
            for x in range(positions[block, 1] * size, min(width, (positions[block, 1] + 1) * size)):
                if cell_map[y, x] > 0:
                    cells[block, n] = cell_map[y, x]
                    functions[n, 0] = 1.0
                    functions[n, 1] = image[y, x, 0]
                    functions[n, 2] = image[y, x, 1]
                    functions[n, 3] = image[y, x, 2]
                    n += 1
        orthonormalize(functions, n, triangles[block], tolerance)
        for t in range(n):
            for q in range(4):
                basis[cells[block, t], q] = functions[t, q]


@njit(cache=True, parallel=True)
def block_basis(first, members, triangles, tolerance, basis, coarse_triangles):
    """Build the functions of each group of blocks from its members' triangular factors; basis is stored by columns."""
    for group in prange(first.shape[0] - 1):
        n = first[group + 1] - first[group]
        functions = np.zeros((4 * n, 4))
        for m in range(n):
            functions[4 * m : 4 * m + 4] = triangles[members[first[group] + m]]
        orthonormalize(functions, 4 * n, coarse_triangles[group], tolerance)
        for m in range(n):
            for q in range(4):
                for p in range(4):
                    basis[members[first[group] + m], q, p] = functions[4 * m + p, q]


@njit(cache=True)
def block_pattern(index, positions):
    """Return the pattern of a matrix that couples each block with those of the 3 x 3 around it."""
    indptr = np.zeros(positions.shape[0] + 1, np.int32)
    indices = np.empty(9 * positions.shape[0], np.int32)
    count = 0
    for block in range(positions.shape[0]):
        for k in range(9):
            y = positions[block, 0] + k // 3 - 1
            x = positions[block, 1] + k % 3 - 1
            if 0 <= y < index.shape[0] and 0 <= x < index.shape[1] and index[y, x] >= 0:
                indices[count] = index[y, x]
                count += 1
        indptr[block + 1] = count
    return indptr, indices[:count].copy()


@njit(cache=True, fastmath=FLAGS)
def _apply_to_basis(cell, y, x, first_y, first_x, side, cell_map, weights, diagonal, basis, applied):
    """Write the stencil row of pixel (y, x) times the basis of each of the 3 x 3 blocks around it into applied (9, 4).

    side[k + 2] is 0, 1 or 2 for a pixel k to the right of a block's first: in the block before, itself, after.
    """
    height, width = cell_map.shape
    applied[:] = 0.0
    for k in range(25):
        yy = y + k // 5 - 2
        xx = x + k % 5 - 2
        if yy < 0 or yy >= height or xx < 0 or xx >= width:
            continue
        other = cell_map[yy, xx]
        if other == 0:
            continue
        if k > 12:
            weight = weights[k - 13, cell]
        elif k < 12:
            weight = weights[11 - k, other]
        else:
            weight = diagonal[cell]
        near = side[yy - first_y + 2] * 3 + side[xx - first_x + 2]
        for q in range(4):
            applied[near, q] += weight * basis[other, q]


@njit(cache=True, parallel=True, fastmath=FLAGS)
def stencil_galerkin(cell_map, pixels, basis, positions, size, weights, diagonal, cells, indptr, indices, blocks):
    """Write the blocks of P' A P for the stencil A and the block functions P."""
    width = cell_map.shape[1]
    side = (np.arange(-2, size + 2) // size + 1).astype(np.int32)
    for block in prange(positions.shape[0]):
        applied = np.empty((9, 4))
        total = np.zeros((9, 4, 4))
        first_y = positions[block, 0] * size
        first_x = positions[block, 1] * size
        for t in range(cells.shape[1]):
            cell = cells[block, t]
            if cell == 0:
                continue
            _apply_to_basis(cell, pixels[cell] // width, pixels[cell] % width, first_y, first_x, side, cell_map,
                            weights, diagonal, basis, applied)
            for near in range(9):
                for q in range(4):
                    value = applied[near, q]
                    for p in range(4):
                        total[near, q, p] += basis[cell, p] * value
        for k in range(indptr[block], indptr[block + 1]):
            j = indices[k]
            near = (positions[j, 0] - positions[block, 0] + 1) * 3 + positions[j, 1] - positions[block, 1] + 1
            blocks[k] = total[near]


@njit(cache=True, parallel=True, fastmath=FLAGS)
def restrict(cells, basis, residual, out):
    """Write P' residual, one row of 4 a block; cell 0 holds zeros."""
    for block in prange(cells.shape[0]):
        r0 = r1 = r2 = r3 = np.float32(0.0)
        for t in range(cells.shape[1]):
            cell = cells[block, t]
            value = residual[cell]
            r0 += basis[cell, 0] * value
            r1 += basis[cell, 1] * value
            r2 += basis[cell, 2] * value
            r3 += basis[cell, 3] * value
        out[block, 0] = r0
        out[block, 1] = r1
        out[block, 2] = r2
        out[block, 3] = r3


@njit(cache=True, parallel=True, fastmath=FLAGS)
def prolong(cells, basis, coarse, out):
    """Add P coarse to the cells."""
    for block in prange(cells.shape[0]):
        c0 = coarse[block, 0]
        c1 = coarse[block, 1]
        c2 = coarse[block, 2]
        c3 = coarse[block, 3]
        for t in range(cells.shape[1]):
            cell = cells[block, t]
            if cell > 0:
                out[cell] += basis[cell, 0] * c0 + basis[cell, 1] * c1 + basis[cell, 2] * c2 + basis[cell, 3] * c3
