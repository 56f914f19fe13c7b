"""Kernels of nonlocal matting: the most similar patches of each window, and the matrix A of their weights.

Used by ``nonlocal_means.py``.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces
from hybridmatte.similarity._lanes_numba import LANES, lowest_bit, mask_of_16
from hybridmatte.similarity._tree_search_numba import insert


@kernel
def _scan_row(planes, patch, x, y, row, first, count, penalty, exponents):
    """Write the exponents of the pixels of one row of the window, from column `first` on, LANES at a time.

    An exponent is the weighted squared distance of the patch from that of pixel (y, x), plus `penalty` times the
    squared distance in the image. The values that fill up the last LANES after the
    `count` exponents mean nothing.
    """
    row_square, left = np.float32(row - y) * np.float32(row - y), np.float32(first - x)
    size, lanes = patch.shape[0], np.uint64(LANES)
    n_vectors = (np.uint64(count) + lanes - np.uint64(1)) // lanes
    for v in range(size):
        for u in range(size):
            weight = patch[v, u]
            red, green, blue = planes[0, y + v, x + u], planes[1, y + v, x + u], planes[2, y + v, x + u]
            reds = planes[0, row + v, first + u :]
            greens = planes[1, row + v, first + u :]
            blues = planes[2, row + v, first + u :]
            for vector in range(n_vectors):  # one loop over all of them would end in one over single numbers
                for k in range(lanes):
                    i = vector * lanes + k
                    gap, r, g, b = left + np.float32(np.int32(i)), reds[i] - red, greens[i] - green, blues[i] - blue
                    before = exponents[i] if v > 0 or u > 0 else penalty * (gap * gap + row_square)
                    exponents[i] = before + weight * (r * r + g * g + b * b)


@inlined
def _leave_out_ties(pixel, neighbors, smallest):
    """Replace the neighbours (K,) with the largest exponent by the pixel itself with an infinite exponent."""
    largest = smallest[smallest.size - 1]
    for k in range(smallest.size):
        if smallest[k] == largest:
            neighbors[k] = pixel
            smallest[k] = np.inf


@kernel(allocates=True)
def _find_similar(first_pixel, last_pixel, planes, patch, pixels, width, half, penalty, neighbors, smallest):
    """Find the most similar patches for the pixels first_pixel to last_pixel - 1, by insertion into sorted lists.

    The rows of a window are read from the middle outwards. Pixels whose distance in the image
    alone makes their exponent too large are skipped: both ends of a row, and in the end all further rows.
    """
    height, n_neighbors = planes.shape[1] - patch.shape[0] + 1, smallest.shape[1]
    exponents = np.empty((2 * half // LANES + 1) * LANES, np.float32)
    n_kept = (n_neighbors // LANES + 1) * LANES  # one more than asked for, which tells of ties
    keys, labels = np.empty(n_kept, np.float32), np.empty(n_kept, np.int32)
    for i in range(first_pixel, last_pixel):
        y, x = pixels[i] // width, pixels[i] % width
        for k in range(n_kept):
            keys[k], labels[k] = np.inf, pixels[i]
        reach = half
        for turn in range(2 * half + 1):
            row = y + (turn + 1) // 2 if turn % 2 else y - turn // 2
            square = np.float32((row - y) ** 2)
            while reach >= 0 and penalty * (np.float32(reach**2) + square) > keys[n_neighbors - 1]:
                reach -= 1
            if reach < 0:
                break
            if row < 0 or row >= height:
                continue
            first, last = max(x - reach, 0), min(x + reach + 1, width)
            _scan_row(planes, patch, x, y, row, first, last - first, penalty, exponents)
            for column in range(first, last, LANES):
                mask = mask_of_16(exponents, column - first, keys[n_neighbors - 1])
                mask &= (1 << min(LANES, last - column)) - 1
                while mask != 0:
                    m = column + lowest_bit(mask)
                    mask &= mask - 1
                    exponent, label = exponents[m - first], np.int32(row * width + m)
                    if exponent <= keys[n_neighbors - 1] and label != pixels[i]:
                        insert(exponent, label, keys, labels)
        for k in range(n_neighbors):
            smallest[i, k], neighbors[i, k] = keys[k], labels[k]
        if keys[0] < keys[n_neighbors - 1] == keys[n_neighbors]:
            _leave_out_ties(pixels[i], neighbors[i], smallest[i])


def find_similar(image, patch, pixels, window_size, penalty, n_neighbors):
    """Return (neighbors, exponents), both (n, K), of the K most similar pixels in each pixel's window, ascending.

    The pixel itself is left out. pixels (n,) and neighbors are flat indices. image is (H, W, 3); patch (p, p) holds
    the weights of patches of p x p pixels over h1^2, and `penalty` is 1 / h2^2. Patches are continued beyond the image
    by the pixels at its border. Where the
    image's border leaves fewer than K pixels, the rest are the pixel itself with an infinite exponent. If more pixels
    than fit have exactly the K-th exponent, all of these are left out, because the order of rows and columns would
    choose among them; if all K have that exponent, they stay.
    """
    neighbors = np.empty((pixels.size, n_neighbors), np.int32)
    smallest = np.empty((pixels.size, n_neighbors), np.float32)
    width, half, margin = image.shape[1], window_size // 2, patch.shape[0] // 2
    room = (0, 0), (margin, margin), (margin, margin + LANES - 1)  # LANES are read at once
    planes = np.pad(np.ascontiguousarray(np.moveaxis(image, 2, 0)), room, mode="edge")
    run_pieces(_find_similar, len(pixels), planes, patch, pixels, width, half, penalty, neighbors, smallest)
    return neighbors, smallest


@kernel
def _enter_similar(first, last, neighbors, exponents, code, links, weights):
    """Write rows first to last - 1 of links and weights."""
    for i in range(first, last):
        total = 0.0
        for k in range(neighbors.shape[1]):
            links[i, k] = code[neighbors[i, k]]
            if exponents[i, k] < np.inf:
                total += np.exp(np.float64(exponents[i, 0] - exponents[i, k]))
        for k in range(neighbors.shape[1]):
            if exponents[i, k] < np.inf:
                weights[i, k] = np.exp(np.float64(exponents[i, 0] - exponents[i, k])) / total


def enter_similar(neighbors, exponents, code, links, weights):
    """Write the codes of the neighbours into links (n, K), and exp(-exponent), scaled to row sums of 1, into weights.

    weights (n, K) is zero before. The smallest exponent of a row is subtracted first, so that the weights do not all
    underflow. A row without any neighbour keeps weights of 0. `code` (H W,) is the code of each pixel; see
    ``_links_numba.py``.
    """
    run_pieces(_enter_similar, len(neighbors), neighbors, exponents, code, links, weights, cost=500)


@kernel
def _eliminate(first, last, links, weights, counts, known_alpha, indptr, indices, data, rhs):
    """Write rows first to last - 1 of A between unknown pixels and of the right-hand side."""
    n_rows = links.shape[0]
    for row in range(first, last):
        total = 0.0
        for i in range(counts[row, 1]):
            total += weights[row, i]
        for i in range(counts[row, 0]):
            indices[indptr[row] + i] = links[row, i]
            data[indptr[row] + i] = weights[row, i] / total
        for i in range(counts[row, 0], counts[row, 1]):
            rhs[row] += weights[row, i] / total * known_alpha[links[row, i] - n_rows]


def eliminate(links, weights, counts, known_alpha):
    """Return (indptr, indices, data, rhs): A between unknown pixels in CSR form, and rhs = A_uk a_k.

    The rows of A, with the known pixels, are scaled to sums of 1; a_k is the known alpha. links, weights and counts are
    as `compress_rows` of ``_links_numba.py`` leaves them.
    """
    indptr = np.zeros(len(links) + 1, np.int64)
    indptr[1:] = np.cumsum(counts[:, 0])
    indices, data = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
    rhs = np.zeros(len(links))
    run_pieces(_eliminate, len(links), links, weights, counts, known_alpha, indptr, indices, data, rhs, cost=100)
    return indptr, indices, data, rhs
