"""Numba kernel of the window top-K; used by ``window.py`` and ``_window_torch.py``.

The image is processed in strips of up to STRIP consecutive pixels of a row. The inner loops run over the pixels of a
strip, so that they vectorise. A *place* is a position in the window, numbered in row-major order. For each strip:

1. `_measure_distances` computes, place by place, the squared colour distance of every pixel to the pixel at that place.
2. `_keep_smallest` passes these distances through minima and maxima without branches, and keeps the smallest of each
   pixel in ascending order.
3. `_mark_places` marks the places whose distance is at most the K-th smallest.
4. `_sort_places` sorts the marked places of each pixel by distance.

The unfolded image, which has window_size**2 values for each pixel, is never stored.
"""

import numpy as np

from hybridmatte.linalg.threads import kernel, run_pieces

STRIP = 128  # pixels
DE_BRUIJN = np.uint32(0x077CB531)  # the top five bits of its product with 2**n are different for each n
BIT_OF = np.zeros(32, np.int32)  # n by these five bits
BIT_OF[[(0x077CB531 << bit) % 2**32 >> 27 for bit in range(32)]] = np.arange(32)
FLAGS = {"nnan", "nsz"}  # compile minima and maxima to single instructions; the results are the same, as none is NaN


@kernel(fastmath=FLAGS)
def _measure_distances(planes, y, x, width, row, column, out):
    """Write the squared colour distances between two runs of `width` pixels, which start at (y, x) and (row, column).

    The second run may leave the image; the distance to a pixel outside is infinite.
    """
    n_rows, stride = planes.shape[1], planes.shape[2]
    if row < 0 or row >= n_rows:
        out[:width] = np.inf
        return
    first = min(max(-column, 0), width)
    last = max(min(stride - column, width), first)
    out[:first] = np.inf
    out[last:width] = np.inf
    r0 = planes[0, y, x + first : x + last]
    g0 = planes[1, y, x + first : x + last]
    b0 = planes[2, y, x + first : x + last]
    r1 = planes[0, row, column + first : column + last]
    g1 = planes[1, row, column + first : column + last]
    b1 = planes[2, row, column + first : column + last]
    result = out[first:last]
    for t in range(last - first):
        dr = r1[t] - r0[t]
        dg = g1[t] - g0[t]
        db = b1[t] - b0[t]
        result[t] = dr * dr + dg * dg + db * db


@kernel(fastmath=FLAGS)
def _insert_pair(first, second, b0, b1, b2, b3):
    """Insert two values of each pixel into four kept values, b0 <= b1 <= b2 <= b3.

    The four smallest of the six values are kept, in ascending order. The two largest replace `first` and `second`.
    """
    for t in range(first.shape[0]):
        v, w = first[t], second[t]
        a = b0[t]
        low, v = (v if v < a else a), (a if v < a else v)
        b0[t], w = (w if w < low else low), (low if w < low else w)
        a = b1[t]
        low, v = (v if v < a else a), (a if v < a else v)
        b1[t], w = (w if w < low else low), (low if w < low else w)
        a = b2[t]
        low, v = (v if v < a else a), (a if v < a else v)
        b2[t], w = (w if w < low else low), (low if w < low else w)
        a = b3[t]
        low, v = (v if v < a else a), (a if v < a else v)
        b3[t], w = (w if w < low else low), (low if w < low else w)
        first[t] = v
        second[t] = w


@kernel
def _keep_smallest(squared, rising, best):
    """Write the smallest values of each column of `squared` into `best`, in ascending order.

    The number of rows must be even in `squared`, and a multiple of 4 in `best`. Two rows at a time rise through the
    levels of `best`, four levels in a step; `rising` holds the two values of each pixel that rise.
    """
    best[:] = np.inf
    for place in range(0, squared.shape[0], 2):
        for t in range(rising.shape[1]):
            rising[0, t] = squared[place, t]
            rising[1, t] = squared[place + 1, t]
        for level in range(0, best.shape[0], 4):
            _insert_pair(rising[0], rising[1], best[level], best[level + 1], best[level + 2], best[level + 3])


@kernel(fastmath=FLAGS)
def _mark_places(squared, bound, words):
    """Set bit p % 32 of words[p // 32] for each pixel whose squared distance at place p is at most its bound."""
    words[:] = 0
    for place in range(squared.shape[0]):
        value = squared[place]
        word = words[place // 32]
        bit = np.uint32(1) << np.uint32(place % 32)
        for t in range(bound.shape[0]):
            word[t] |= bit if value[t] <= bound[t] else np.uint32(0)


@kernel
def _sort_places(words, squared, t, best, values, places):
    """Write the K smallest squared distances of pixel t and their places, in ascending order.

    The marked places are read in ascending order. Those nearer than the K-th smallest distance are inserted by
    distance. Those at exactly that distance fill the remaining positions, so that ties keep the order of places.
    """
    n_neighbors = places.shape[0]
    bound = best[n_neighbors - 1, t]
    tie = 0
    while tie < n_neighbors and best[tie, t] < bound:
        tie += 1
    count = 0
    for index in range(words.shape[0]):
        word = words[index, t]
        while word != 0:
            bit = np.uint32(word & (~word + 1))  # Numba widens sums and products to 64 bits
            word = np.uint32(word ^ bit)
            place = 32 * index + BIT_OF[np.uint32(bit * DE_BRUIJN) >> 27]
            value = squared[place, t]
            if value == bound:
                if tie < n_neighbors:
                    values[tie] = value
                    places[tie] = place
                    tie += 1
                continue
            j = count
            while j > 0 and values[j - 1] > value:
                values[j] = values[j - 1]
                places[j] = places[j - 1]
                j -= 1
            values[j] = value
            places[j] = place
            count += 1


@kernel(allocates=True)
def _fill_topk(first, last, planes, window_size, margin, distances, offsets):
    """Write the rows first to last - 1 of distances and offsets; see `fill_topk`."""
    half = window_size // 2
    stride = planes.shape[2]
    height, width, n_neighbors = distances.shape
    n_places = window_size**2
    steps = np.empty(n_places, np.int32)
    for place in range(n_places):
        steps[place] = (place // window_size - half) * stride + place % window_size - half
    squared = np.empty((n_places + 1, STRIP), np.float32)  # the last row makes the number even
    for place in range(n_places + 1):
        for t in range(STRIP):
            squared[place, t] = np.inf
    rising = np.empty((2, STRIP), np.float32)
    best = np.empty(((n_neighbors + 3) // 4 * 4, STRIP), np.float32)
    words = np.empty(((n_places + 31) // 32, STRIP), np.uint32)
    values = np.empty(n_neighbors, np.float32)
    places = np.empty(n_neighbors, np.int32)
    for i in range(first, last):
        y = i + margin
        for start in range(0, width, STRIP):
            n = min(STRIP, width - start)
            for place in range(n_places):
                row = y + place // window_size - half
                column = start + margin + place % window_size - half
                _measure_distances(planes, y, start + margin, n, row, column, squared[place])
            _keep_smallest(squared, rising, best)
            _mark_places(squared[:n_places], best[n_neighbors - 1], words)
            for t in range(n):
                _sort_places(words, squared, t, best, values, places)
                for k in range(n_neighbors):
                    distances[i, start + t, k] = np.sqrt(values[k])
                    offsets[i, start + t, k] = steps[places[k]]


def fill_topk(planes, window_size, margin, distances, offsets):
    """Write distances and flat offsets, both (H, W, K), of the K most similar pixels of each window.

    planes (3, H + 2 margin, W + 2 margin) is the image with a margin on each side, in whose rows the offsets count.
    The window is cut at the border of the planes, so a margin of half a window makes every window whole.
    """
    run_pieces(_fill_topk, len(distances), planes, window_size, margin, distances, offsets)
