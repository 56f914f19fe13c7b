"""Kernels of the two-level preconditioner."""

from numba import njit, prange

FLAGS = {"reassoc", "contract", "nsz"}


@njit(cache=True, parallel=True, fastmath=FLAGS)
def sum_runs(ends, x, sums):
    """Write the sum of each run of x."""
    for run in prange(ends.shape[0]):
        total = 0.0
        for i in range(0 if run == 0 else ends[run - 1], ends[run]):
            total += x[i]
        sums[run] = total


@njit(cache=True, parallel=True, fastmath=FLAGS)
def scale_and_spread(scale, x, ends, inverse, sums, out):
    """Write scale x into out, plus for each run what `inverse` (runs, runs) makes of the runs' sums."""
    for run in prange(ends.shape[0]):
        row = inverse[run]
        common = 0.0
        for k in range(sums.shape[0]):
            common += row[k] * sums[k]
        shared = out.dtype.type(common)
        for i in range(0 if run == 0 else ends[run - 1], ends[run]):
            out[i] = scale[i] * x[i] + shared
