"""Kernels for means and covariances in square windows, from integral images; used by ``window_statistics.py``."""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel


@kernel(allocates=True)
def window_corners(pixels, height, width, r):
    """Return the corners (4, n) int32 of windows in a flat integral image, and the inverse (n,) of the windows' areas.

    The windows have radius r and are cut at the image's border. The integral image is (height + 1, width + 1); its
    first row and column are zero. pixels (n,) are flat indices of the windows' centres in the image.
    """
    corners, inverse_areas = np.empty((4, pixels.size), np.int32), np.empty(pixels.size)
    for i in range(pixels.size):
        y, x = pixels[i] // width, pixels[i] % width
        top, bottom = max(y - r, 0), min(y + r + 1, height)
        left, right = max(x - r, 0), min(x + r + 1, width)
        corners[0, i], corners[1, i] = top * (width + 1) + left, top * (width + 1) + right
        corners[2, i], corners[3, i] = bottom * (width + 1) + left, bottom * (width + 1) + right
        inverse_areas[i] = 1.0 / ((bottom - top) * (right - left))
    return corners, inverse_areas


@inlined
def _window_sum(integral, corners, i):
    """Return the sum of a plane in window i, from its flat integral image; unsigned indices need no check."""
    one, two = integral[np.uint64(corners[0, i])], integral[np.uint64(corners[1, i])]
    three, four = integral[np.uint64(corners[2, i])], integral[np.uint64(corners[3, i])]
    return four - three - two + one


@kernel(allocates=True)
def window_means(integral, corners, inverse_areas):
    """Return the mean (n,) of a plane in each window, from the plane's flat integral image."""
    means = np.empty(inverse_areas.size)
    for i in range(np.uint64(inverse_areas.size)):
        means[i] = _window_sum(integral, corners, i) * inverse_areas[i]
    return means


@kernel(allocates=True)
def window_covariances(integral, one_mean, other_mean, corners, inverse_areas):
    """Return the covariance (n,) float32 of two planes in each window.

    integral is the flat integral image of the planes' product; one_mean and other_mean (n,) are the planes' means.
    """
    covariances = np.empty(inverse_areas.size, np.float32)
    for i in range(np.uint64(inverse_areas.size)):
        covariances[i] = _window_sum(integral, corners, i) * inverse_areas[i] - one_mean[i] * other_mean[i]
    return covariances
