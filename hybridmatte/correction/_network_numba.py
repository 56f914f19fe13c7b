"""The kernels of what a small network sees of a pixel."""

import numpy as np
from numba import njit

ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)


@njit(nogil=True, cache=True, error_model="numpy")
def prepare(columns, mean, scale, limit, knots, reach, out):
    """Fill out (2 F, n) with features (F, n) over their deviations, and their ranks between knots (F, K)."""
    features, n = columns.shape
    pieces = knots.shape[1] - 1
    for j in range(features):
        column, deviation, rank = columns[j], out[j], out[features + j]
        for i in range(n):
            deviation[i] = min(max((column[i] - mean[j]) / scale[j], -limit), limit)
            rank[i] = 0
        for k in range(pieces):  # a search would do less, but not in a processor's vectors
            low, share = knots[j, k], ONE / (knots[j, k + 1] - knots[j, k])
            for i in range(n):
                rank[i] += min(max((column[i] - low) * share, ZERO), ONE)
        for i in range(n):
            rank[i] = reach * (TWO * rank[i] / pieces - ONE)
