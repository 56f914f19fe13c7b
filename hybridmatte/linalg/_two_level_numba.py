"""Kernels of the two-level preconditioner; used by ``two_level.py``.

The n unknowns are cut into runs of consecutive ones; ends (runs,) is where each run ends. The coarse functions are the
K functions of basis (K, n), each restricted to one run. Their small integers are converted to the vectors' type, or
the products would be in double precision, and not be vectorised.
"""

import numpy as np

from hybridmatte.linalg.threads import inlined, run_pieces, short_kernel

FLAGS = {"reassoc", "contract", "nsz"}


@inlined
def _run(ends, run):
    """Return the first unknown of a run and the one after its last, unsigned: no check for negative values."""
    return np.uint64(0 if run == 0 else ends[run - 1]), np.uint64(ends[run])


@short_kernel(fastmath=FLAGS)
def _sum_runs(first, last, ends, basis, x, sums):
    """Write rows first to last - 1 of the inner products."""
    for run in range(first, last):
        start, end = _run(ends, run)
        for k in range(basis.shape[0]):
            function = basis[k]
            total = x.dtype.type(0)
            for i in range(start, end):
                total += x[i] * x.dtype.type(function[i])
            sums[run, k] = total


def sum_runs(ends, basis, x, sums):
    """Write the inner products (runs, K) of x with the coarse functions into sums."""
    run_pieces(_sum_runs, len(ends), ends, basis, x, sums, cost=0.5 * x.size / max(len(ends), 1))


@short_kernel(fastmath=FLAGS)
def _scale_and_spread(first_run, last_run, scale, x, ends, basis, inverse, sums, out):
    """Write the unknowns of the runs first_run to last_run - 1; see `scale_and_spread`."""
    n_functions = basis.shape[0]
    for run in range(first_run, last_run):
        start, end = _run(ends, run)
        for i in range(start, end):
            out[i] = scale[i] * x[i]
        for k in range(n_functions):
            row = inverse[run * n_functions + k]
            factor = x.dtype.type(0)
            for j in range(row.shape[0]):
                factor += row[j] * sums[j]
            function = basis[k]
            for i in range(start, end):
                out[i] += factor * x.dtype.type(function[i])


def scale_and_spread(scale, x, ends, basis, inverse, sums, out):
    """Write ``scale * x`` plus the coarse correction into out.

    The correction is the sum of the coarse functions with the coefficients inverse @ sums, where inverse
    (runs K, runs K) is the inverse of the coarse matrix and sums (runs K,) are the inner products from `sum_runs`.
    """
    run_pieces(_scale_and_spread, len(ends), scale, x, ends, basis, inverse, sums, out, cost=x.size / max(len(ends), 1))
