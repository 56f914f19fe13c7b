"""Kernels of nonlocal matting: the most similar patches of a window, and the rows of Id - A they make."""

import numpy as np
from numba import njit, prange


@njit(cache=True)
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


@njit(cache=True, parallel=True)
def find_similar(planes, patch, pixels, window_size, penalty, n_neighbors):
    """Return (neighbors, exponents), ascending, of pixels (flat indices) in the windows around them, but themselves.

    planes is (3, H + p - 1, W + p - 1) for patches of p x p; patch holds their weights over h1^2, penalty is 1 / h2^2.
    Where the border leaves fewer than n_neighbors pixels, the rest are the pixel itself with an infinite exponent.
    """
    half = window_size // 2
    height, width = planes.shape[1] - patch.shape[0] + 1, planes.shape[2] - patch.shape[0] + 1
    neighbors = np.empty((pixels.size, n_neighbors), np.int32)
    found = np.empty((pixels.size, n_neighbors), np.float32)
    for i in prange(pixels.size):
        y, x = pixels[i] // width, pixels[i] % width
        exponents = np.empty(window_size, np.float32)
        neighbors[i] = pixels[i]
        found[i] = np.inf
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
    return neighbors, found


@njit(cache=True, parallel=True)
def weigh(neighbors, exponents, code):
    """Return (links, weights) of unit sum in each row, computed relative to the best neighbour so that none vanishes.

    `code` numbers the pixels. A row without any neighbour gets weights 0.
    """
    links, weights = np.empty(neighbors.shape, np.int32), np.zeros(neighbors.shape, np.float32)
    for i in prange(neighbors.shape[0]):
        total = 0.0
        for k in range(neighbors.shape[1]):
            links[i, k] = code[neighbors[i, k]]
            if exponents[i, k] < np.inf:
                total += np.exp(np.float64(exponents[i, 0] - exponents[i, k]))
        for k in range(neighbors.shape[1]):
            if exponents[i, k] < np.inf:
                weights[i, k] = np.exp(np.float64(exponents[i, 0] - exponents[i, k])) / total
    return links, weights


@njit(cache=True, parallel=True)
def eliminate(links, weights, counts, known_alpha):
    """Return (indptr, indices, data, rhs): A between unknown pixels in CSR form, rows of A of unit sum, A_uk a_k.

    links hold the sorted, merged codes of each row, counts how many are of unknown pixels and how many there are.
    """
    n_rows = links.shape[0]
    indptr = np.zeros(n_rows + 1, np.int64)
    for row in range(n_rows):
        indptr[row + 1] = indptr[row] + counts[row, 0]
    indices, data = np.empty(indptr[n_rows], np.int32), np.empty(indptr[n_rows], np.float32)
    rhs = np.zeros(n_rows)
    for row in prange(n_rows):
        total = 0.0
        for i in range(counts[row, 1]):
            total += weights[row, i]
        for i in range(counts[row, 0]):
            indices[indptr[row] + i] = links[row, i]
            data[indptr[row] + i] = weights[row, i] / total
        for i in range(counts[row, 0], counts[row, 1]):
            rhs[row] += weights[row, i] / total * known_alpha[links[row, i] - n_rows]
    return indptr, indices, data, rhs
