"""Kernel that normalises the features for the correction network."""

import numpy as np
from numba import njit

ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)


@njit(nogil=True, cache=True, error_model="numpy")
def normalize(columns, mean, scale, limit, knots, rank_limit, out):
    """Write the standard scores of features (F, n), then their ranks between the knots (F, K), to out (2 F, n).

    Standard scores are clipped to [-limit, limit]; ranks run from -rank_limit to rank_limit.
    """
    features, n = columns.shape
    pieces = knots.shape[1] - 1
    for j in range(features):
        column, score, rank = columns[j], out[j], out[features + j]
        for i in range(n):
            score[i] = min(max((column[i] - mean[j]) / scale[j], -limit), limit)
            rank[i] = 0
        for k in range(pieces):  # a binary search does less work, but the compiler cannot vectorise it
            low, inverse_width = knots[j, k], ONE / (knots[j, k + 1] - knots[j, k])
            for i in range(n):
                rank[i] += min(max((column[i] - low) * inverse_width, ZERO), ONE)
        for i in range(n):
            rank[i] = rank_limit * (TWO * rank[i] / pieces - ONE)
