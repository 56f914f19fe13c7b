"""Boosted regression trees: a sum of small trees, each of which asks for one feature after the other."""

from typing import NamedTuple

import numpy as np

__all__ = ["Trees", "read_trees", "sum_of_trees"]


class Trees(NamedTuple):
    """Trees as arrays: T trees of N inner nodes and L leaves in all.

    A row of features goes at an inner node n to ``branches[n, 0]`` if its ``feature[n]`` is at most ``threshold[n]``,
    else to ``branches[n, 1]``; a branch c below 0 is the leaf ``~c``. roots (T,) int32 begin the trees; feature (N,)
    int32; threshold (N,) float32; branches (N, 2) int32; values (L,) float32.
    """

    roots: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    branches: np.ndarray
    values: np.ndarray


def read_trees(content):
    """Return the `Trees` in the bytes of a safetensors file whose tensors have the names of its fields."""
    from safetensors.numpy import load

    tensors = load(content)
    return Trees(*(tensors[name] for name in Trees._fields))


def sum_of_trees(trees, rows):
    """Return the sums (n,) float32 of the trees' values for rows of features (n, F) float32, on one thread."""
    from hybridmatte._boosted_trees_numba import sum_trees

    return sum_trees(np.ascontiguousarray(rows, np.float32), *trees)
