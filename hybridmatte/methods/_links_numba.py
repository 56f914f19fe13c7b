"""Kernels that turn neighbour lists into the rows of a symmetric graph.

Rows are the unknown pixels in an order of their own. A link is a column code: the row of an unknown pixel, or
n_rows + pixel for a known one.
"""

import numpy as np

from hybridmatte.linalg.threads import kernel, run_pieces

BANDS = 4


@kernel
def _enter_neighbors(first, last, slots, pixel_of_slot, query_rows, code, links):
    for q in range(first, last):
        for k in range(slots.shape[1]):
            links[query_rows[q], k] = code[pixel_of_slot[slots[q, k]]]


def enter_neighbors(slots, pixel_of_slot, query_rows, code, links):
    """Write the codes of neighbour lists into links, row by row."""
    run_pieces(_enter_neighbors, len(slots), slots, pixel_of_slot, query_rows, code, links, cost=50)


@kernel
def _enter_soft_weights(first, last, slots, pixel_of_slot, queried, query_rows, columns, weights):
    n_features = np.float32(columns.shape[0])
    for q in range(first, last):
        for k in range(slots.shape[1]):
            total = np.float32(0.0)
            for d in range(columns.shape[0]):
                total += abs(columns[d, pixel_of_slot[slots[q, k]]] - columns[d, queried[q]])
            weights[query_rows[q], k] = max(np.float32(1.0) - total / n_features, np.float32(0.0))


def enter_soft_weights(slots, pixel_of_slot, queried, query_rows, columns, weights):
    """Write 1 - |f_i - f_j|_1 / D of neighbour lists into weights, row by row."""
    run_pieces(_enter_soft_weights, len(slots), slots, pixel_of_slot, queried, query_rows, columns, weights, cost=200)


@kernel
def _enter_adjacent(first, last, pixels, height, width, code, links):
    for row in range(first, last):
        y, x = pixels[row] // width, pixels[row] % width
        links[row, 0] = code[pixels[row] - 1] if x > 0 else row
        links[row, 1] = code[pixels[row] + 1] if x < width - 1 else row
        links[row, 2] = code[pixels[row] - width] if y > 0 else row
        links[row, 3] = code[pixels[row] + width] if y < height - 1 else row


def enter_adjacent(pixels, height, width, code, weight):
    """Return (links, weights) to the 4 adjacent pixels; to the pixel itself where there is none."""
    links = np.empty((pixels.size, 4), np.int32)
    run_pieces(_enter_adjacent, pixels.size, pixels, height, width, code, links, cost=10)
    return links, np.full(links.shape, weight)


@kernel
def _compress_rows(first, last, links, weights, counts):
    n_rows, n_links = links.shape
    for row in range(first, last):
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


def compress_rows(links, weights):
    """Sort each row's links, add up equal ones, drop those to the row itself; return how many remain."""
    counts = np.zeros((len(links), 2), np.int32)
    run_pieces(_compress_rows, len(links), links, weights, counts, cost=500)
    return counts


@kernel
def _count_sources(first, last, links, counts, ends):
    n_rows = links.shape[0]
    low, high = first * n_rows // BANDS, last * n_rows // BANDS
    for row in range(n_rows):
        for i in range(counts[row, 0]):
            if low <= links[row, i] < high:
                ends[links[row, i]] += 1


@kernel
def _list_sources(first, last, links, weights, counts, ends, sources, values):
    n_rows = links.shape[0]
    low, high = first * n_rows // BANDS, last * n_rows // BANDS
    for row in range(n_rows):
        for i in range(counts[row, 0]):
            c = links[row, i]
            if low <= c < high:
                sources[ends[c]] = row
                values[ends[c]] = weights[row, i]
                ends[c] += 1


def transpose(links, weights, counts):
    """Return the links between unknown pixels the other way round: (starts, sources, weights), sources ascending."""
    starts = np.zeros(len(links) + 1, np.int64)
    run_pieces(_count_sources, BANDS, links, counts, starts[1:])
    np.cumsum(starts, out=starts)
    sources, values = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    run_pieces(_list_sources, BANDS, links, weights, counts, starts[:-1].copy(), sources, values)
    return starts, sources, values


@kernel
def _merge(first, last, links, weights, counts, starts, sources, values, indptr, indices, data, is_count):
    """Add two ascending lists of links for each row: write how many there are to indptr[row + 1], or write them."""
    for row in range(first, last):
        i, m, n = 0, 0, counts[row, 0]
        a, end = starts[row], starts[row + 1]
        while i < n or a < end:
            left = links[row, i] if i < n else np.int32(2147483647)
            right = sources[a] if a < end else np.int32(2147483647)
            if not is_count:
                at = indptr[row] + m
                indices[at] = min(left, right)
                data[at] = np.float32(0.0)
                if left <= right:
                    data[at] += weights[row, i]
                if right <= left:
                    data[at] += values[a]
            i += left <= right
            a += right <= left
            m += 1
        if is_count:
            indptr[row + 1] = m


def merge(links, weights, counts, starts, sources, values):
    """Return W = A + A' between unknown pixels as CSR arrays (indptr, indices, data)."""
    given = links, weights, counts, starts, sources, values
    indptr = np.zeros(len(links) + 1, np.int64)
    run_pieces(_merge, len(links), *given, indptr, np.empty(0, np.int32), np.empty(0, np.float32), True, cost=100)
    np.cumsum(indptr, out=indptr)
    indices, data = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
    run_pieces(_merge, len(links), *given, indptr, indices, data, False, cost=100)
    return indptr, indices, data


@kernel
def _ground(first, last, links, weights, counts, indptr, data, known_alpha, known_factor, diagonal, rhs):
    n_rows = links.shape[0]
    for row in range(first, last):
        for i in range(counts[row, 0], counts[row, 1]):
            w = known_factor * weights[row, i]
            diagonal[row] += w
            rhs[row] += w * known_alpha[links[row, i] - n_rows]
        for i in range(indptr[row], indptr[row + 1]):
            diagonal[row] += data[i]


def ground(links, weights, counts, indptr, data, known_alpha, known_factor):
    """Return (diagonal, rhs): degrees, and the pull of the known foreground."""
    diagonal, rhs = np.zeros(len(links)), np.zeros(len(links))
    run_pieces(
        _ground, len(links), links, weights, counts, indptr, data, known_alpha, known_factor, diagonal, rhs, cost=50
    )
    return diagonal, rhs


@kernel
def _expand(
    first_row, last_row, pixels, links, weights, counts, indptr, indices, data, known_factor, starts, columns, values
):
    n_rows = pixels.size
    for row in range(first_row, last_row):
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


def expand(pixels, links, weights, counts, indptr, indices, data, known_factor, n_pixels):
    """Return the rows of L = D - W over all pixels as (indptr, indices, data) of a CSR matrix, columns unsorted."""
    starts = np.zeros(n_pixels + 1, np.int64)
    starts[pixels + 1] = 1 + counts[:, 1] - counts[:, 0] + np.diff(indptr)
    np.cumsum(starts, out=starts)
    columns, values = np.empty(starts[-1], np.int32), np.empty(starts[-1])
    run_pieces(
        _expand,
        pixels.size,
        pixels,
        links,
        weights,
        counts,
        indptr,
        indices,
        data,
        known_factor,
        starts,
        columns,
        values,
        cost=100,
    )
    return starts, columns, values
