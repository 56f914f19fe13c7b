"""Kernel of the exact Euclidean distance transform; used by ``trimap.py``."""

import numpy as np

from hybridmatte.linalg.threads import kernel


@kernel(allocates=True)
def squared_distances(region, squared):
    """Write the squared distance (H, W) int64 of each pixel to the nearest pixel outside a region.

    region (H, W) is boolean and has a pixel outside. The distances within columns come first. In each row, the squared
    distance is then the lower envelope of one parabola for each column (Felzenszwalb and Huttenlocher 2012). All sums
    are whole numbers, so the result is exact, and mirrored or transposed with the region. The ends of the parabolas'
    ranges are rounded, but where a range ends at a pixel, both parabolas have the same value there.
    """
    height, width = region.shape
    none = height + width  # larger than any distance
    distance = np.full(width, none, np.int64)
    for y in range(height):
        for x in range(width):
            distance[x] = (distance[x] + 1) if region[y, x] else 0
            squared[y, x] = distance[x]
    distance[:] = none
    for y in range(height - 1, -1, -1):
        for x in range(width):
            distance[x] = min(distance[x] + 1, squared[y, x])
            squared[y, x] = distance[x]
    centers, starts, values = np.empty(width, np.int64), np.empty(width), np.empty(width, np.int64)
    for y in range(height):
        n = 0
        for x in range(width):
            if squared[y, x] >= none:
                continue
            value = squared[y, x] ** 2
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
            squared[y, x] = (x - centers[k]) ** 2 + values[k]
