"""Kernels for means and covariances in square windows, from integral images; used by ``window_statistics.py``.

An integral image of a plane (H, W) holds, at (y, x), the sum of the plane over the rows before y and the columns before
x. Around it is a border of BORDER pixels, zero above and to the left, and the last row and column again below and to
the right: so windows that reach beyond the plane need no case of their own.

Chosen pixels are given as *runs* of adjacent ones in a row, (k, 3): where a run starts in the flat integral image with
its border, the number of its first pixel among the chosen ones, and its length. Indices are unsigned: a signed one
would need a check for negative values, and the compiler would not vectorise the loops.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel

BORDER = 12  # pixels: the largest radius of a window


@kernel(noalias=True)
def integrate_product(one, other, integral):
    """Write the integral image (H + 1 + 2 BORDER, W + 1 + 2 BORDER) of the product of two planes (H, W) float32.

    Four rows are summed at once: an addition waits for the one before in the same sum, not for those in others.
    """
    height, width = one.shape
    for y in range(BORDER + 1):
        for x in range(integral.shape[1]):
            integral[y, x] = 0.0
    for y in range(BORDER + 1, height + BORDER + 1):
        for x in range(BORDER + 1):
            integral[y, x] = 0.0
    for first in range(0, height - 3, 4):
        top = first + BORDER
        above, out0, out1 = integral[top], integral[top + 1], integral[top + 2]
        out2, out3 = integral[top + 3], integral[top + 4]
        a0, a1, a2, a3 = one[first], one[first + 1], one[first + 2], one[first + 3]
        b0, b1, b2, b3 = other[first], other[first + 1], other[first + 2], other[first + 3]
        sum0 = sum1 = sum2 = sum3 = 0.0
        for k in range(width):
            x, at = np.uint64(k), np.uint64(k + BORDER + 1)
            sum0 += np.float64(a0[x]) * np.float64(b0[x])
            sum1 += np.float64(a1[x]) * np.float64(b1[x])
            sum2 += np.float64(a2[x]) * np.float64(b2[x])
            sum3 += np.float64(a3[x]) * np.float64(b3[x])
            total = above[at] + sum0
            out0[at] = total
            total += sum1
            out1[at] = total
            total += sum2
            out2[at] = total
            out3[at] = total + sum3
    for y in range(height - height % 4, height):
        total = 0.0
        for x in range(width):
            total += np.float64(one[y, x]) * np.float64(other[y, x])
            integral[y + BORDER + 1, x + BORDER + 1] = integral[y + BORDER, x + BORDER + 1] + total
    for y in range(BORDER + 1, height + BORDER + 1):
        for x in range(width + BORDER + 1, integral.shape[1]):
            integral[y, x] = integral[y, width + BORDER]
    for y in range(height + BORDER + 1, integral.shape[0]):
        for x in range(integral.shape[1]):
            integral[y, x] = integral[height + BORDER, x]


@kernel
def take(plane, pixels, runs, out):
    """Write the values of a flat plane at the chosen pixels (n,), flat indices, to out (n,)."""
    for k in range(runs.shape[0]):
        first, number = np.uint64(pixels[runs[k, 1]]), np.uint64(runs[k, 1])
        for i in range(np.uint64(runs[k, 2])):
            out[number + i] = plane[first + i]


@kernel
def slopes(plane, pixels, out):
    """Write the length of the gradient of a plane (H, W), by Sobel filters, at the chosen pixels (n,) to out (n,).

    Beyond its border the plane is mirrored, without repeating the border itself.
    """
    height, width = plane.shape
    for i in range(pixels.size):
        y, x = pixels[i] // width, pixels[i] % width
        above, below = plane[y - 1 if y > 0 else min(1, height - 1)], plane[y + 1 if y < height - 1 else max(y - 1, 0)]
        left, right = x - 1 if x > 0 else min(1, width - 1), x + 1 if x < width - 1 else max(x - 1, 0)
        two, own = np.float32(2), plane[y]
        # in an order that does not change if the plane is mirrored or transposed
        across = ((above[right] - above[left]) + (below[right] - below[left])) + two * (own[right] - own[left])
        down = ((below[left] - above[left]) + (below[right] - above[right])) + two * (below[x] - above[x])
        out[i] = np.sqrt(across * across + down * down)


@kernel
def inverse_areas(pixels, runs, height, width, r, out):
    """Write the inverse of the area of the windows of radius r, cut at the plane's border, to out (n,)."""
    for k in range(runs.shape[0]):
        first, number = pixels[runs[k, 1]], np.uint64(runs[k, 1])
        y, start = first // width, first % width
        rows = min(y + r + 1, height) - max(y - r, 0)
        for i in range(np.uint64(runs[k, 2])):
            x = np.int64(start + i)
            out[number + i] = 1.0 / (rows * (min(x + r + 1, width) - max(x - r, 0)))


@inlined
def _corners(start, r, width):
    """Return the places of the corners of a window in a flat integral image whose rows are `width` long.

    These are the upper left, the upper right, the lower left, and the lower right one; `start` is that of the centre.
    """
    upper, lower = start - r * width - r, start + (r + 1) * width - r
    side = 2 * r + 1
    return np.uint64(upper), np.uint64(upper + side), np.uint64(lower), np.uint64(lower + side)


@inlined
def _window_sum(integral, corners, i):
    """Return the sum of a plane in the window i pixels to the right of one with these corners."""
    one, two, three, four = corners
    return integral[four + i] - integral[three + i] - integral[two + i] + integral[one + i]


@kernel(noalias=True)
def window_means(integral, width, runs, r, inverse_areas, out):
    """Write the mean of a plane in the window of radius r around each chosen pixel to out (n,) float64.

    `integral` is the flat integral image, with rows of `width` numbers.
    """
    for k in range(runs.shape[0]):
        corners, number = _corners(runs[k, 0], r, width), np.uint64(runs[k, 1])
        for i in range(np.uint64(runs[k, 2])):
            out[number + i] = _window_sum(integral, corners, i) * inverse_areas[number + i]


@kernel(noalias=True)
def window_covariances(integral, width, runs, r, inverse_areas, one_mean, other_mean, out):
    """Write the covariance of two planes in the window of radius r around each chosen pixel to out (n,) float32.

    `integral` is the flat integral image of the planes' product, as for `window_means`; one_mean and other_mean (n,)
    are the planes' means.
    """
    for k in range(runs.shape[0]):
        corners, number = _corners(runs[k, 0], r, width), np.uint64(runs[k, 1])
        for i in range(np.uint64(runs[k, 2])):
            at = number + i
            out[at] = _window_sum(integral, corners, i) * inverse_areas[at] - one_mean[at] * other_mean[at]
