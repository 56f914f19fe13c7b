"""Numba kernel that expands the known regions of a trimap; used by ``known_expansion.py``."""

import numpy as np

from hybridmatte.linalg.threads import kernel, run_pieces


@kernel
def _expand(
    first_row, last_row, image, labels, known_distance, ring_squares, offsets, places, ring_ends, color_limits, result
):
    """Write rows first_row to last_row - 1 of the labels after expansion; see `expand`.

    image (3 H W,) and labels (H W,) are flat, and their indices unsigned, which need no check for negative values.
    places (N,) are the offsets in them.
    """
    height, width = result.shape
    reach = np.int64(np.sqrt(ring_squares[-1]))
    one, two, three = np.uint64(1), np.uint64(2), np.uint64(3)
    for y in range(first_row, last_row):
        for x in range(width):
            if result[y, x] >= 0:
                continue
            pixel = y * width + x
            own = three * np.uint64(pixel)
            red, green, blue = image[own], image[own + one], image[own + two]
            nearest = np.float64(known_distance[y, x]) ** 2 - 0.5
            first, end = 0, ring_squares.shape[0]
            while first < end:  # binary search for the first ring that can hold a known pixel
                middle = (first + end) // 2
                if ring_squares[middle] < nearest:
                    first = middle + 1
                else:
                    end = middle
            is_inside = y >= reach and y < height - reach and x >= reach and x < width - reach
            start = ring_ends[first - 1] if first > 0 else 0
            for ring in range(first, ring_ends.shape[0]):
                to_background = to_foreground = np.float32(np.inf)
                for k in range(start, ring_ends[ring]):
                    if not is_inside:
                        yy, xx = y + offsets[k, 0], x + offsets[k, 1]
                        if yy < 0 or yy >= height or xx < 0 or xx >= width:
                            continue
                    other = np.uint64(pixel + places[k])
                    if labels[other] < 0:
                        continue
                    r = image[three * other] - red
                    g = image[three * other + one] - green
                    b = image[three * other + two] - blue
                    square = r * r + g * g + b * b
                    if labels[other] == 0:
                        to_background = min(to_background, square)
                    else:
                        to_foreground = min(to_foreground, square)
                start = ring_ends[ring]
                if min(to_background, to_foreground) <= color_limits[ring] and to_background != to_foreground:
                    result[y, x] = 0 if to_background < to_foreground else 1
                    break


def expand(image, labels, known_distance, ring_squares, offsets, ring_ends, color_limits):
    """Return the labels (H, W) int8 after expansion: -1 unknown, 0 background, 1 foreground.

    A ring is the set of offsets with one distance to the centre. For each unknown pixel, the rings are visited in
    ascending order of distance:

    1. In the ring, find the smallest squared colour distance to a background pixel and to a foreground pixel.
    2. If the smaller of the two is at most the ring's limit, and the two differ, the pixel takes the label of the
       nearer colour. Otherwise go on to the next ring.

    All pixels are compared with the labels passed in, so that their order does not matter.

    Inputs: image (H, W, 3) float32; labels (H, W) int8; known_distance (H, W), each pixel's distance to the nearest
    known pixel, which tells how many rings hold no known pixel; ring_squares (R,), the squared distance of each ring,
    whole numbers in ascending order; offsets (N, 2), rows and columns of all offsets, ring after ring; ring_ends (R,),
    where each ring ends in `offsets`; color_limits (R,), the largest squared colour distance allowed in each ring.
    """
    result = labels.copy()
    places = offsets @ np.array([labels.shape[1], 1], np.int32)
    flat = image.reshape(-1), labels.reshape(-1)
    rings = ring_squares, offsets, places, ring_ends, color_limits
    run_pieces(_expand, len(labels), *flat, known_distance, *rings, result)
    return result
