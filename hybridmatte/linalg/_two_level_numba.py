"""Kernels of the two-level preconditioner."""

from numba import njit, prange

FLAGS = {"reassoc", "contract", "nsz"}


@njit(cache=True, parallel=True, fastmath=FLAGS)
def sum_runs(ends, basis, x, sums):
    """Write the inner products (runs, K) of each run of x with the functions of a basis (K, n)."""
    for run in prange(ends.shape[0]):
        for k in range(basis.shape[0]):
            function = basis[k]
            total = x.dtype.type(0)
            for i in range(0 if run == 0 else ends[run - 1], ends[run]):
                total += x[i] * function[i]
            sums[run, k] = total


@njit(cache=True, parallel=True, fastmath=FLAGS)
def scale_and_spread(scale, x, ends, basis, inverse, sums, out):
    """Write scale x into out, plus the functions of each run times what `inverse` makes of the inner products."""
    n_functions = basis.shape[0]
    for run in prange(ends.shape[0]):
        first = 0 if run == 0 else ends[run - 1]
        for i in range(first, ends[run]):
            out[i] = scale[i] * x[i]
        for k in range(n_functions):
            row = inverse[run * n_functions + k]
            factor = x.dtype.type(0)
            for j in range(row.shape[0]):
                factor += row[j] * sums[j]
            function = basis[k]
            for i in range(first, ends[run]):
                out[i] += factor * function[i]
