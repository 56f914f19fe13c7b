"""Kernels that turn lists of neighbours into the rows of a symmetric graph; used by ``knn.py``.

``nonlocal_means.py`` uses `enter_adjacent` and `compress_rows`. Row i belongs to the i-th unknown pixel. A link is
a code for a column: the row of an unknown pixel, or n_rows + pixel for a known one. `code` (H W,) is the code of each
pixel. links and weights are (n_rows, n_links); after `compress_rows`, counts (n_rows, 2) tells how many links of each
row lead to unknown pixels, which come first, and how many links there are in all.
"""

import numpy as np

from hybridmatte.linalg.threads import kernel, run_pieces

BANDS = 4  # bands of rows that are transposed independently of each other


@kernel
def _enter_neighbors(first, last, slots, n_untied, pixel_of_slot, query_rows, code, links):
    """Write the codes of the lists first to last - 1."""
    for q in range(first, last):
        n = n_untied[q] if n_untied[q] > 1 else slots.shape[1]
        for k in range(slots.shape[1]):
            links[query_rows[q], k] = code[pixel_of_slot[slots[q, k]]] if k < n else query_rows[q]


def enter_neighbors(slots, n_untied, pixel_of_slot, query_rows, code, links):
    """Write the codes of the neighbours of each query into its row of links.

    slots (m, K) are the neighbours found in a tree, pixel_of_slot the pixel of each slot, query_rows (m,) the rows of
    the queries. Only the first n_untied (m,) neighbours are entered, if these are more than one: the first is the query
    itself. In place of the others, the row itself is entered, and `compress_rows` drops it.
    """
    run_pieces(_enter_neighbors, len(slots), slots, n_untied, pixel_of_slot, query_rows, code, links, cost=50)


@kernel
def _enter_soft_weights(first, last, slots, order, queried, query_rows, columns, weights):
    """Write the soft weights of the lists first to last - 1."""
    n_features = np.float32(columns.shape[0])
    for q in range(first, last):
        for k in range(slots.shape[1]):
            total = np.float32(0.0)
            for d in range(columns.shape[0]):
                total += abs(columns[d, order[slots[q, k]]] - columns[d, queried[q]])
            weights[query_rows[q], k] = max(np.float32(1.0) - total / n_features, np.float32(0.0))


def enter_soft_weights(slots, order, queried, query_rows, columns, weights):
    """Write the soft weights max(1 - |f_i - f_j|_1 / D, 0) of the neighbours of each query into its row of weights.

    columns (D, n) are the points of the tree, order (n,) the point of each slot, queried (m,) the points of the
    queries; the rest is as for `enter_neighbors`.
    """
    run_pieces(_enter_soft_weights, len(slots), slots, order, queried, query_rows, columns, weights, cost=200)


@kernel
def _enter_adjacent(first, last, pixels, height, width, code, links):
    """Write the links of rows first to last - 1 to the 4 adjacent pixels."""
    for row in range(first, last):
        y, x = pixels[row] // width, pixels[row] % width
        links[row, 0] = code[pixels[row] - 1] if x > 0 else row
        links[row, 1] = code[pixels[row] + 1] if x < width - 1 else row
        links[row, 2] = code[pixels[row] - width] if y > 0 else row
        links[row, 3] = code[pixels[row] + width] if y < height - 1 else row


def enter_adjacent(pixels, height, width, code, links):
    """Write the codes of the 4 adjacent pixels of each row's pixel, (n_rows,), into links (n_rows, 4).

    Where there is no adjacent pixel, the link leads to the row itself, and `compress_rows` drops it.
    """
    run_pieces(_enter_adjacent, pixels.size, pixels, height, width, code, links, cost=10)


@kernel(allocates=True)
def _compress_rows(first, last, links, weights, counts):
    """Sort and merge the links of rows first to last - 1.

    Each link is placed by the number of links with a smaller code, which is counted without a branch. Links with the
    same code get the same place, where their weights are added.
    """
    n_rows, n_links = links.shape
    given, given_weights = np.empty(n_links, np.int32), np.empty(n_links, np.float32)
    placed, sums = np.empty(n_links, np.int32), np.empty(n_links, np.float32)
    for row in range(first, last):
        for i in range(n_links):
            given[i], given_weights[i] = links[row, i], weights[row, i]
            placed[i], sums[i] = row, 0.0  # a place that stays empty is dropped, as links to the row itself are
        for i in range(n_links):
            place = np.int32(0)
            for j in range(n_links):
                place += np.int32(given[j] < given[i])
            placed[place] = given[i]
            sums[place] += given_weights[i]
        n = n_unknown = 0
        for i in range(n_links):
            if placed[i] != row:
                links[row, n], weights[row, n] = placed[i], sums[i]
                n_unknown += placed[i] < n_rows
                n += 1
        counts[row, 0], counts[row, 1] = n_unknown, n


def compress_rows(links, weights):
    """Sort the links of each row, merge equal ones by adding their weights, drop links to the row itself; in place.

    Return counts (n_rows, 2) int32: the links to unknown pixels, and all links that remain.
    """
    counts = np.empty((len(links), 2), np.int32)
    run_pieces(_compress_rows, len(links), links, weights, counts, cost=250)
    return counts


@kernel
def _count_sources(first, last, links, counts, ends):
    """Count the links to the rows of bands first to last - 1."""
    n_rows = links.shape[0]
    low, high = first * n_rows // BANDS, last * n_rows // BANDS
    for row in range(n_rows):
        for i in range(counts[row, 0]):
            if low <= links[row, i] < high:
                ends[links[row, i]] += 1


@kernel
def _list_sources(first, last, links, weights, counts, ends, sources, values):
    """List the rows that link to each row of bands first to last - 1; ends[c] is the next free position."""
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
    """Return the transpose of the links between unknown pixels as (starts, sources, weights), sources ascending."""
    starts = np.zeros(len(links) + 1, np.int64)
    run_pieces(_count_sources, BANDS, links, counts, starts[1:])
    np.cumsum(starts, out=starts)
    sources, values = np.empty(starts[-1], np.int32), np.empty(starts[-1], np.float32)
    run_pieces(_list_sources, BANDS, links, weights, counts, starts[:-1].copy(), sources, values)
    return starts, sources, values


@kernel
def _merge(first, last, links, weights, counts, starts, sources, values, indptr, indices, data, is_count):
    """Merge two ascending lists of links for each row, adding the weights of equal ones.

    With is_count, write only their number, to indptr[row + 1]; otherwise write them from indptr[row] on.
    """
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
    """Return W = A + A' between unknown pixels as CSR arrays (indptr, indices, data), from A and its transpose."""
    given = links, weights, counts, starts, sources, values
    indptr = np.zeros(len(links) + 1, np.int64)
    run_pieces(_merge, len(links), *given, indptr, np.empty(0, np.int32), np.empty(0, np.float32), True, cost=100)
    np.cumsum(indptr, out=indptr)
    indices, data = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
    run_pieces(_merge, len(links), *given, indptr, indices, data, False, cost=100)
    return indptr, indices, data


@kernel
def _eliminate_known(first, last, links, weights, counts, indptr, data, known_alpha, known_factor, diagonal, rhs):
    """Sum the degree and the right-hand side of rows first to last - 1."""
    n_rows = links.shape[0]
    for row in range(first, last):
        for i in range(counts[row, 0], counts[row, 1]):
            w = known_factor * weights[row, i]
            diagonal[row] += w
            rhs[row] += w * known_alpha[links[row, i] - n_rows]
        for i in range(indptr[row], indptr[row + 1]):
            diagonal[row] += data[i]


def eliminate_known(links, weights, counts, indptr, data, known_alpha, known_factor):
    """Return (diagonal, rhs), both (n_rows,): degrees, and sums of weight times alpha over the known neighbours.

    A link to a known pixel has known_factor times its weight.
    """
    diagonal, rhs = np.zeros(len(links)), np.zeros(len(links))
    run_pieces(
        _eliminate_known,
        len(links),
        links,
        weights,
        counts,
        indptr,
        data,
        known_alpha,
        known_factor,
        diagonal,
        rhs,
        cost=50,
    )
    return diagonal, rhs


@kernel
def _laplacian_rows(
    first_row, last_row, pixels, links, weights, counts, indptr, indices, data, known_factor, starts, columns, values
):
    """Write the rows first_row to last_row - 1 of the Laplacian, diagonal entry first."""
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


def laplacian_rows(pixels, links, weights, counts, indptr, indices, data, known_factor, n_pixels):
    """Return the rows of L = D - W over all pixels as CSR arrays (indptr, indices, data), columns unsorted.

    pixels (n_rows,) are the pixels of the rows; all other rows are empty. A link to a known pixel has known_factor
    times its weight.
    """
    starts = np.zeros(n_pixels + 1, np.int64)
    starts[pixels + 1] = 1 + counts[:, 1] - counts[:, 0] + np.diff(indptr)
    np.cumsum(starts, out=starts)
    columns, values = np.empty(starts[-1], np.int32), np.empty(starts[-1])
    run_pieces(
        _laplacian_rows,
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
