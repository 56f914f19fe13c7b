"""Kernels of distance transforms; used by ``trimap.py``, shared sampling and information flow."""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel, run_pieces

FARTHEST = 255  # pixels, of `chessboard_distances`


@kernel(allocates=True)
def _column_distances(first, last, region, distances):
    """Write for columns first to last - 1 the distance of each pixel to the nearest one outside, in its column."""
    height = region.shape[0]
    none = region.shape[0] + region.shape[1]  # larger than any distance
    distance = np.full(last - first, none, np.int32)
    for y in range(height):
        for x in range(first, last):
            distance[x - first] = (distance[x - first] + 1) if region[y, x] else 0
            distances[y, x] = distance[x - first]
    distance[:] = none
    for y in range(height - 1, -1, -1):
        for x in range(first, last):
            distance[x - first] = min(distance[x - first] + 1, distances[y, x])
            distances[y, x] = distance[x - first]


@kernel(allocates=True)
def _depths_of_rows(first, last, distances, depths):
    """Write rows first to last - 1 of the depths from the distances within columns."""
    height, width = distances.shape
    centers, starts, values = np.empty(width, np.int64), np.empty(width), np.empty(width, np.int64)
    for y in range(first, last):
        n = 0
        for x in range(width):
            if distances[y, x] >= height + width:
                continue
            value = np.int64(distances[y, x]) ** 2
            start = -np.inf
            while n > 0:
                center = centers[n - 1]
                start = (value + x * x - values[n - 1] - center * center) / (2.0 * (x - center))
                if start > starts[n - 1]:
                    break
                n -= 1
                start = -np.inf
            centers[n], starts[n], values[n] = x, start, value
            n += 1
        k = 0
        for x in range(width):
            while k + 1 < n and starts[k + 1] <= x:
                k += 1
            depths[y, x] = np.sqrt(np.float64((x - centers[k]) ** 2 + values[k]))


def euclidean_depth(region):
    """Return the distance (H, W) float32 of each pixel to the nearest pixel outside a region.

    region (H, W) is boolean and has a pixel outside. The distances within columns come first; where a column has no
    pixel outside, they are at least H + W. In each row, the squared distance is then the lower envelope of one parabola
    for each column (Felzenszwalb and Huttenlocher 2012). All sums are whole numbers, so the squared distance is exact,
    and mirrored or transposed with the region. The ends of the parabolas' ranges are rounded, but where a range ends at
    a pixel, both parabolas have the same value there.
    """
    height, width = region.shape
    distances, depths = np.empty(region.shape, np.int32), np.empty(region.shape, np.float32)
    run_pieces(_column_distances, width, region, distances, cost=2 * height)
    run_pieces(_depths_of_rows, height, distances, depths, cost=10 * width)
    return depths


@inlined
def _nearest_of_row(row, padded, nearest):
    """Write the least of each pixel of a row (W,) and its two neighbours; padded (W + 2,) is FARTHEST at both ends."""
    for x in range(row.size):
        padded[x + 1] = row[x]
    for x in range(row.size):
        nearest[x] = min(min(padded[x], padded[x + 1]), padded[x + 2])


@kernel(allocates=True)
def _chessboard(first, last, labels, distances):
    """Write the distances to the labels first to last - 1, once from the top left, and once from the bottom right."""
    height, width = labels.shape
    padded, nearest = np.full(width + 2, FARTHEST, np.uint8), np.empty(width, np.uint8)
    for label in range(first, last):
        nearest[:] = FARTHEST
        for y in range(height):
            own, steps = distances[label, y], np.int32(FARTHEST)
            if y > 0:
                _nearest_of_row(distances[label, y - 1], padded, nearest)
            for x in range(width):
                steps = min(min(steps, np.int32(nearest[x])) + np.int32(1), np.int32(FARTHEST))
                steps = np.int32(0) if labels[y, x] == label else steps
                own[x] = steps
        nearest[:] = FARTHEST
        for y in range(height - 1, -1, -1):
            own, steps = distances[label, y], np.int32(FARTHEST)
            if y + 1 < height:
                _nearest_of_row(distances[label, y + 1], padded, nearest)
            for x in range(width - 1, -1, -1):
                steps = min(min(steps, np.int32(nearest[x])) + np.int32(1), np.int32(own[x]))
                own[x] = steps


def chessboard_distances(labels, n_labels):
    """Return the distances (n_labels, H, W) uint8 to the pixels of each label from 0 on, in labels (H, W).

    A distance is the larger of those in x and y, at most FARTHEST.
    """
    distances = np.empty((n_labels, *labels.shape), np.uint8)
    run_pieces(_chessboard, n_labels, labels, distances, cost=2 * labels.size)
    return distances
