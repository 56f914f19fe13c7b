"""Kernel that grows the known regions."""

import numpy as np
from numba import njit, prange


@njit(cache=True, parallel=True)
def expand(image, labels, known, distances, offsets, ends, limits):
    """Return new labels (-1 unknown, 0 background, 1 foreground); rings of offsets come in order of distance.

    known (H, W) is each pixel's distance to a known one, distances the rings' squared distances, whole numbers.
    """
    height, width = labels.shape
    result = labels.copy()
    for y in prange(height):
        for x in range(width):
            if labels[y, x] >= 0:
                continue
            red, green, blue = image[y, x, 0], image[y, x, 1], image[y, x, 2]
            first = np.searchsorted(distances, np.float64(known[y, x]) ** 2 - 0.5)
            start = ends[first - 1] if first > 0 else 0
            for ring in range(first, ends.shape[0]):
                back = fore = np.float32(np.inf)
                for k in range(start, ends[ring]):
                    yy = y + offsets[k, 0]
                    xx = x + offsets[k, 1]
                    if yy < 0 or yy >= height or xx < 0 or xx >= width or labels[yy, xx] < 0:
                        continue
                    r = image[yy, xx, 0] - red
                    g = image[yy, xx, 1] - green
                    b = image[yy, xx, 2] - blue
                    square = r * r + g * g + b * b
                    if labels[yy, xx] == 0:
                        back = min(back, square)
                    else:
                        fore = min(fore, square)
                start = ends[ring]
                if min(back, fore) <= limits[ring] and back != fore:
                    result[y, x] = 0 if back < fore else 1
                    break
    return result
