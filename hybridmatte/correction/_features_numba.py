"""Kernels of means and covariances in windows, from sums of all above and to the left."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, error_model="numpy")
def windows(pixels, height, width, r):
    """Return corners (4, n) int32 in flat sums and shares (n,) of windows around pixels, as far as the image reaches.

    The sums of all above and to the left, (height + 1, width + 1), begin with a row and a column of zeros.
    """
    corners, shares = np.empty((4, pixels.size), np.int32), np.empty(pixels.size)
    for i in range(pixels.size):
        y, x = pixels[i] // width, pixels[i] % width
        top, bottom = max(y - r, 0), min(y + r + 1, height)
        left, right = max(x - r, 0), min(x + r + 1, width)
        corners[0, i], corners[1, i] = top * (width + 1) + left, top * (width + 1) + right
        corners[2, i], corners[3, i] = bottom * (width + 1) + left, bottom * (width + 1) + right
        shares[i] = 1.0 / ((bottom - top) * (right - left))
    return corners, shares


@njit(nogil=True, cache=True, error_model="numpy")
def window_means(sums, corners, shares):
    """Return shares (n,) of what lies between corners (4, n) of flat sums of all above and to the left."""
    means = np.empty(shares.size)
    for i in range(shares.size):
        means[i] = (sums[corners[3, i]] - sums[corners[2, i]] - sums[corners[1, i]] + sums[corners[0, i]]) * shares[i]
    return means


@njit(nogil=True, cache=True, error_model="numpy")
def window_covariances(products, one, other, corners, shares):
    """Return covariances (n,) float32, given the same sums of products and the means (n,) of both factors."""
    covariances = window_means(products, corners, shares)
    return (covariances - one * other).astype(np.float32)
