"""The kernel that sums boosted trees over rows of features."""

import numpy as np
from numba import njit

BLOCK = 128  # rows that meet a tree one after the other: they and the tree stay in the cache


@njit(nogil=True, cache=True)
def sum_trees(rows, roots, feature, threshold, branches, values):
    """Return the sums (n,) of the trees' values for rows (n, F); a branch below 0 is the leaf ``~branch``."""
    out = np.zeros(len(rows), np.float32)
    for start in range(0, len(rows), BLOCK):
        end = min(start + BLOCK, len(rows))
        for root in roots:
            for i in range(start, end):
                node = root
                while node >= 0:
                    node = branches[node, np.int64(rows[i, feature[node]] > threshold[node])]
                out[i] += values[~node]
    return out
