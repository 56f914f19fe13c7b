"""Kernel that normalises the features for the correction network; used by ``network.py``."""

import numpy as np

from hybridmatte.linalg.threads import kernel

ZERO, ONE, TWO = np.float32(0), np.float32(1), np.float32(2)


@kernel(allocates=True)
def normalize(columns, mean, scale, limit, knots, rank_limit, out):
    """Write the standard scores of the features, and then their ranks, to out (2 F, n).

    columns (F, n) float32 are the features. The standard score is (value - mean) / scale, clipped to [-limit, limit];
    mean and scale are (F,). The rank is the position of the value among the knots (F, K) of its feature, which ascend,
    linear between two knots; it is scaled to run from -rank_limit at the first knot to rank_limit at the last.
    """
    n_features, n = columns.shape
    pieces = knots.shape[1] - 1
    for j in range(n_features):
        column, score, rank = columns[j], out[j], out[n_features + j]
        for i in range(n):
            score[i] = min(max((column[i] - mean[j]) / scale[j], -limit), limit)
            rank[i] = 0
        for k in range(pieces):  # a binary search does less work, but the compiler cannot vectorise it
            low, inverse_width = knots[j, k], ONE / (knots[j, k + 1] - knots[j, k])
            for i in range(n):
                rank[i] += min(max((column[i] - low) * inverse_width, ZERO), ONE)
        for i in range(n):
            rank[i] = rank_limit * (TWO * rank[i] / pieces - ONE)
