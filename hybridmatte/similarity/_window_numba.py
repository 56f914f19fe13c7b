"""Kernel of the window top-K: one pass over the window per pixel, no unfolded image."""

import numpy as np
from numba import njit, prange


@njit(cache=True)
def _enter(best, places, value, place):
    """Insert a value below the last of the ascending `best`; equal values keep the order they came in."""
    j = best.size - 1
    while j > 0 and best[j - 1] > value:
        best[j] = best[j - 1]
        places[j] = places[j - 1]
        j -= 1
    best[j] = value
    places[j] = place


@njit(cache=True)
def _scan_row(planes, y, x, first, count, row, squared, best, places, place):
    """Enter the pixels first ... first + count - 1 of one row; `place` is the offset of the first of them."""
    r, g, b = planes[0, y, x], planes[1, y, x], planes[2, y, x]
    for i in range(count):
        dr = planes[0, row, first + i] - r
        dg = planes[1, row, first + i] - g
        db = planes[2, row, first + i] - b
        squared[i] = dr * dr + dg * dg + db * db
    bound = best[best.size - 1]
    nearer = np.int32(0)
    for i in range(count):
        nearer += np.int32(squared[i] < bound)
    if nearer > 0:
        for i in range(count):
            if squared[i] < best[best.size - 1]:
                _enter(best, places, squared[i], place + i)


@njit(cache=True, parallel=True)
def topk(planes, window_size, margin, n_neighbors):
    """Return distances and flat offsets of the most similar pixels of each window.

    planes is (3, H + 2 margin, W + 2 margin); a margin of half a window makes the window never cut.
    """
    half = window_size // 2
    n_rows, stride = planes.shape[1], planes.shape[2]
    height, width = n_rows - 2 * margin, stride - 2 * margin
    distances = np.empty((height, width, n_neighbors), np.float32)
    offsets = np.empty((height, width, n_neighbors), np.int32)
    for i in prange(height):
        y = i + margin
        squared = np.empty(window_size, np.float32)
        best = np.empty(n_neighbors, np.float32)
        places = np.empty(n_neighbors, np.int32)
        for x in range(margin, margin + width):
            best[:] = np.inf
            first = max(x - half, 0)
            count = min(x + half + 1, stride) - first
            for row in range(max(y - half, 0), min(y + half + 1, n_rows)):
                place = (row - y) * stride + first - x
                _scan_row(planes, y, x, first, count, row, squared, best, places, place)
            for k in range(n_neighbors):
                distances[i, x - margin, k] = np.sqrt(best[k])
                offsets[i, x - margin, k] = places[k]
    return distances, offsets
