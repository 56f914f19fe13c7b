"""The kernel that prepares rows of features for networks."""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True)
def prepare(rows, mean, scale, limit, knots, reach, out):
    """Fill out (n, 2 F) with rows (n, F) over their deviations, and their ranks between knots (F, K), K - 1 = 2^k."""
    n, features = rows.shape
    last = knots.shape[1] - 1
    step = 2 * reach / last
    for i in range(n):
        for j in range(features):
            x = rows[i, j]
            out[i, j] = min(max((x - mean[j]) / scale[j], -limit), limit)
            low, span = 0, last
            while span > 1:  # knots[j, low] <= x < knots[j, low + span], if x is between the ends
                span //= 2
                low += span * (x >= knots[j, low + span])
            share = (x - knots[j, low]) / (knots[j, low + 1] - knots[j, low])
            out[i, features + j] = step * (low + min(max(share, np.float32(0)), np.float32(1))) - reach
