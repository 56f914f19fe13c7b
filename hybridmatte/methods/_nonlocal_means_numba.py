"""Kernels of nonlocal matting: the most similar patches of a window, and the rows of Id - A they make."""

import numpy as np

from hybridmatte.linalg.threads import kernel, run_pieces


@kernel
def _scan_row(planes, patch, x, y, row, first, count, penalty, exponents):
    """Write the exponents of the pixels first ... first + count - 1 of one row of the window."""
    size = patch.shape[0]
    across = np.float32(row - y) * np.float32(row - y)
    for i in range(count):
        gap = np.float32(first + i - x)
        exponents[i] = penalty * (gap * gap + across)
    for c in range(3):
        for v in range(size):
            for u in range(size):
                own, weight = planes[c, y + v, x + u], patch[v, u]
                for i in range(count):
                    gap = planes[c, row + v, first + i + u] - own
                    exponents[i] += weight * gap * gap


@kernel
def _find_similar(first_pixel, last_pixel, planes, patch, pixels, window_size, penalty, neighbors, found):
    half = window_size // 2
    height, width = planes.shape[1] - patch.shape[0] + 1, planes.shape[2] - patch.shape[0] + 1
    n_neighbors = found.shape[1]
    exponents = np.empty(window_size, np.float32)
    for i in range(first_pixel, last_pixel):
        y, x = pixels[i] // width, pixels[i] % width
        for k in range(n_neighbors):
            neighbors[i, k] = pixels[i]
            found[i, k] = np.inf
        first = max(x - half, 0)
        count = min(x + half + 1, width) - first
        for row in range(max(y - half, 0), min(y + half + 1, height)):
            _scan_row(planes, patch, x, y, row, first, count, penalty, exponents)
            if row == y:
                exponents[x - first] = np.inf
            for m in range(count):
                j = n_neighbors - 1
                if exponents[m] < found[i, j]:
                    while j > 0 and found[i, j - 1] > exponents[m]:
                        found[i, j] = found[i, j - 1]
                        neighbors[i, j] = neighbors[i, j - 1]
                        j -= 1
                    found[i, j] = exponents[m]
                    neighbors[i, j] = row * width + first + m


def find_similar(planes, patch, pixels, window_size, penalty, n_neighbors):
    """Return (neighbors, exponents), ascending, of pixels (flat indices) in the windows around them, but themselves.

    planes is (3, H + p - 1, W + p - 1) for patches of p x p; patch holds their weights over h1^2, penalty is 1 / h2^2.
    Where the border leaves fewer than n_neighbors pixels, the rest are the pixel itself with an infinite exponent.
    """
    neighbors = np.empty((pixels.size, n_neighbors), np.int32)
    found = np.empty((pixels.size, n_neighbors), np.float32)
    run_pieces(_find_similar, len(pixels), planes, patch, pixels, window_size, penalty, neighbors, found)
    return neighbors, found


@kernel
def _weigh(first, last, neighbors, exponents, code, links, weights):
    for i in range(first, last):
        total = 0.0
        for k in range(neighbors.shape[1]):
            links[i, k] = code[neighbors[i, k]]
            if exponents[i, k] < np.inf:
                total += np.exp(np.float64(exponents[i, 0] - exponents[i, k]))
        for k in range(neighbors.shape[1]):
            if exponents[i, k] < np.inf:
                weights[i, k] = np.exp(np.float64(exponents[i, 0] - exponents[i, k])) / total


def weigh(neighbors, exponents, code):
    """Return (links, weights) of unit sum in each row, computed relative to the best neighbour so that none vanishes.

    `code` numbers the pixels. A row without any neighbour gets weights 0.
    """
    links, weights = np.empty(neighbors.shape, np.int32), np.zeros(neighbors.shape, np.float32)
    run_pieces(_weigh, len(neighbors), neighbors, exponents, code, links, weights, cost=500)
    return links, weights


@kernel
def _eliminate(first, last, links, weights, counts, known_alpha, indptr, indices, data, rhs):
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
    """Return (indptr, indices, data, rhs): A between unknown pixels in CSR form, rows of A of unit sum, A_uk a_k.

    links hold the sorted, merged codes of each row, counts how many are of unknown pixels and how many there are.
    """
    indptr = np.zeros(len(links) + 1, np.int64)
    indptr[1:] = np.cumsum(counts[:, 0])
    indices, data = np.empty(indptr[-1], np.int32), np.empty(indptr[-1], np.float32)
    rhs = np.zeros(len(links))
    run_pieces(_eliminate, len(links), links, weights, counts, known_alpha, indptr, indices, data, rhs, cost=100)
    return indptr, indices, data, rhs
