"""Kernel that grows the known regions."""

import numpy as np

from hybridmatte.linalg.threads import kernel, run_pieces


@kernel
def _expand(first_row, last_row, image, labels, known, distances, offsets, ends, limits, result):
    height, width = labels.shape
    for y in range(first_row, last_row):
        for x in range(width):
            if labels[y, x] >= 0:
                continue
            red, green, blue = image[y, x, 0], image[y, x, 1], image[y, x, 2]
            nearest = np.float64(known[y, x]) ** 2 - 0.5
            first, end = 0, distances.shape[0]
            while first < end:
                middle = (first + end) // 2
                if distances[middle] < nearest:
                    first = middle + 1
                else:
                    end = middle
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


def expand(image, labels, known, distances, offsets, ends, limits):
    """Return new labels (-1 unknown, 0 background, 1 foreground); rings of offsets come in order of distance.

    known (H, W) is each pixel's distance to a known one, distances the rings' squared distances, whole numbers.
    """
    result = labels.copy()
    run_pieces(_expand, len(labels), image, labels, known, distances, offsets, ends, limits, result)
    return result
