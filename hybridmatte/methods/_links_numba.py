"""Kernels that turn neighbour lists into the rows of a symmetric graph.

Rows are the unknown pixels in an order of their own. A link is a column code: the row of an unknown pixel, or
n_rows + pixel for a known one.
"""

import numpy as np
from numba import njit, prange

BANDS = 4


@njit(cache=True, parallel=True)
def enter_neighbors(slots, pixel_of_slot, query_rows, code, links):
    """Write the codes of neighbour lists into links, row by row."""
    for q in prange(slots.shape[0]):
        for k in range(slots.shape[1]):
            links[query_rows[q], k] = code[pixel_of_slot[slots[q, k]]]


@njit(cache=True, parallel=True)
def enter_soft_weights(slots, pixel_of_slot, queried, query_rows, columns, weights):
    """Write 1 - |f_i - f_j|_1 / D of neighbour lists into weights, row by row."""
    n_features = np.float32(columns.shape[0])
    for q in prange(slots.shape[0]):
        for k in range(slots.shape[1]):
            total = np.float32(0.0)
            for d in range(columns.shape[0]):
                total += abs(columns[d, pixel_of_slot[slots[q, k]]] - columns[d, queried[q]])
            weights[query_rows[q], k] = max(np.float32(1.0) - total / n_features, np.float32(0.0))


@njit(cache=True, parallel=True)
def enter_adjacent(pixels, height, width, code, weight):
    """Return (links, weights) to the 4 adjacent pixels; to the pixel itself where there is none."""
    links = np.empty((pixels.size, 4), np.int32)
    for row in prange(pixels.size):
        y, x = pixels[row] // width, pixels[row] % width
        for k in range(4):
            v, u = y + (0, 0, -1, 1)[k], x + (-1, 1, 0, 0)[k]
            is_inside = 0 <= v < height and 0 <= u < width
            links[row, k] = code[v * width + u] if is_inside else row
    return links, np.full(links.shape, weight)


@njit(cache=True, parallel=True)
def compress_rows(links, weights):
    """Sort each row's links, add up equal ones, drop those to the row itself; return how many remain."""
    n_rows, n_links = links.shape
    counts = np.zeros((n_rows, 2), np.int32)
    for row in prange(n_rows):
        for i in range(1, n_links):
            c, w = links[row, i], weights[row, i]
            j = i - 1
            while j >= 0 and links[row, j] > c:
                links[row, j + 1] = links[row, j]
                weights[row, j + 1] = weights[row, j]
                j -= 1
            links[row, j + 1] = c
            weights[row, j + 1] = w
        n = 0
        for i in range(n_links):
            c, w = links[row, i], weights[row, i]
            if c == row:
                continue
            if n > 0 and links[row, n - 1] == c:
                weights[row, n - 1] += w
            else:
                links[row, n] = c
                weights[row, n] = w
                n += 1
                counts[row, 0] += c < n_rows
        counts[row, 1] = n
    return counts


@njit(cache=True, parallel=True)
def transpose(links, weights, counts):
    """Return the links between unknown pixels the other way round: (starts, sources, weights), sources ascending."""
    n_rows = links.shape[0]
    starts = np.zeros(n_rows + 1, np.int64)
    for band in prange(BANDS):
        low, high = band * n_rows // BANDS, (band + 1) * n_rows // BANDS
        for row in range(n_rows):
            for i in range(counts[row, 0]):
                if low <= links[row, i] < high:
                    starts[links[row, i] + 1] += 1
    for row in range(n_rows):
        starts[row + 1] += starts[row]
    sources, values = np.empty(starts[n_rows], np.int32), np.empty(starts[n_rows], np.float32)
    ends = starts.copy()
    for band in prange(BANDS):
        low, high = band * n_rows // BANDS, (band + 1) * n_rows // BANDS
        for row in range(n_rows):
            for i in range(counts[row, 0]):
                c = links[row, i]
                if low <= c < high:
                    sources[ends[c]] = row
                    values[ends[c]] = weights[row, i]
                    ends[c] += 1
    return starts, sources, values


@njit(cache=True)
def _merge_row(links, weights, n, row, sources, values, a, end, indices, data, at, keep):
    """Add two ascending lists of links; write them from `at` on if `keep`; return how many there are."""
    i, m = 0, 0
    while i < n or a < end:
        left = links[row, i] if i < n else np.int32(2147483647)
        right = sources[a] if a < end else np.int32(2147483647)
        if keep:
            indices[at + m] = min(left, right)
            data[at + m] = np.float32(0.0)
            if left <= right:
                data[at + m] += weights[row, i]
            if right <= left:
                data[at + m] += values[a]
        i += left <= right
        a += right <= left
        m += 1
    return m


@njit(cache=True, parallel=True)
def merge(links, weights, counts, starts, sources, values):
    """Return W = A + A' between unknown pixels as CSR arrays (indptr, indices, data)."""
    n_rows = links.shape[0]
    indptr = np.zeros(n_rows + 1, np.int64)
    none_i, none_f = np.empty(0, np.int32), np.empty(0, np.float32)
    for row in prange(n_rows):
        indptr[row + 1] = _merge_row(links, weights, counts[row, 0], row, sources, values, starts[row], starts[row + 1],
                                     none_i, none_f, 0, False)
    for row in range(n_rows):
        indptr[row + 1] += indptr[row]
    indices, data = np.empty(indptr[n_rows], np.int32), np.empty(indptr[n_rows], np.float32)
    for row in prange(n_rows):
        _merge_row(links, weights, counts[row, 0], row, sources, values, starts[row], starts[row + 1], indices, data,
                   indptr[row], True)
    return indptr, indices, data


@njit(cache=True, parallel=True)
def ground(links, weights, counts, indptr, data, known_alpha, known_factor):
    """Return (diagonal, rhs): degrees, and the pull of the known foreground."""
    n_rows = links.shape[0]
    diagonal, rhs = np.zeros(n_rows), np.zeros(n_rows)
    for row in prange(n_rows):
        for i in range(counts[row, 0], counts[row, 1]):
            w = known_factor * weights[row, i]
            diagonal[row] += w
            rhs[row] += w * known_alpha[links[row, i] - n_rows]
        for i in range(indptr[row], indptr[row + 1]):
            diagonal[row] += data[i]
    return diagonal, rhs


@njit(cache=True, parallel=True)
def expand(pixels, links, weights, counts, indptr, indices, data, known_factor, n_pixels):
    """Return the rows of L = D - W over all pixels as (indptr, indices, data) of a CSR matrix, columns unsorted."""
    n_rows = pixels.size
    starts = np.zeros(n_pixels + 1, np.int64)
    for row in prange(n_rows):
        starts[pixels[row] + 1] = 1 + counts[row, 1] - counts[row, 0] + indptr[row + 1] - indptr[row]
    for pixel in range(n_pixels):
        starts[pixel + 1] += starts[pixel]
    columns, values = np.empty(starts[n_pixels], np.int32), np.empty(starts[n_pixels])
    for row in prange(n_rows):
        at = first = starts[pixels[row]]
        degree = 0.0
        for i in range(indptr[row], indptr[row + 1]):
            at += 1
            columns[at] = pixels[indices[i]]
            values[at] = -data[i]
            degree += data[i]
        for i in range(counts[row, 0], counts[row, 1]):
            at += 1
            columns[at] = links[row, i] - n_rows
            values[at] = -known_factor * weights[row, i]
            degree += known_factor * weights[row, i]
        columns[first] = pixels[row]
        values[first] = degree
    return starts, columns, values
