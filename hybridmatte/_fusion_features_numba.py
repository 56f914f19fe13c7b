"""Kernels of means and covariances in windows, from sums of all above and to the left."""

from numba import njit


@njit(nogil=True, cache=True, error_model="numpy")
def window_means(sums, corners, shares, out):
    """Fill out (n,) with shares (n,) of what lies between corners (4, n) of flat sums of all above and to the left."""
    for i in range(len(out)):
        out[i] = _between(sums, corners, i) * shares[i]


@njit(nogil=True, cache=True, error_model="numpy")
def window_covariances(products, ones, others, corners, shares, out):
    """Fill out (n,) with covariances, given the same sums of products and both factors."""
    for i in range(len(out)):
        mean, other = _between(ones, corners, i) * shares[i], _between(others, corners, i) * shares[i]
        out[i] = _between(products, corners, i) * shares[i] - mean * other


@njit(nogil=True, inline="always", error_model="numpy")
def _between(sums, corners, i):
    return sums[corners[3, i]] - sums[corners[2, i]] - sums[corners[1, i]] + sums[corners[0, i]]
