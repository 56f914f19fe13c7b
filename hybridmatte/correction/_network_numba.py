"""Kernels of the correction network: the normalised features, and the activation; used by ``network.py``."""

import numpy as np

from hybridmatte.linalg.threads import kernel

ZERO, ONE, TWO, HALF = np.float32(0), np.float32(1), np.float32(2), np.float32(0.5)
# tanh(y) = y P(y y) / Q(y y) for |y| <= TANH_LIMIT, within 2e-8: a fit to tanh by reweighted least squares
TANH_LIMIT = np.float32(9)
P0, P1, P2, P3, P4 = map(np.float32, (0.999999906, 0.133731984, 0.00348658269, 2.04718432e-05, 1.31842405e-08))
Q1, Q2, Q3, Q4 = map(np.float32, (0.467064952, 0.0258419823, 0.000327138668, 7.7026705e-07))


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


@kernel(noalias=True, fastmath={"contract"})
def add_biases_and_activate(values, biases):
    """Add biases (K,) to the rows of values (K, n), and apply SiLU, in place.

    SiLU of x is x / (1 + exp(-x)) = y + y tanh(y) with y = x / 2. The error is at most 2e-7 (1 + |x|).
    """
    for j in range(values.shape[0]):
        row, bias = values[j], biases[j]
        for k in range(values.shape[1]):
            i = np.uint64(k)
            half = HALF * (row[i] + bias)
            y = min(max(half, -TANH_LIMIT), TANH_LIMIT)
            square = y * y
            p = P0 + square * (P1 + square * (P2 + square * (P3 + square * P4)))
            q = ONE + square * (Q1 + square * (Q2 + square * (Q3 + square * Q4)))
            row[i] = half + half * (y * p / q)
