"""Kernels of the two-level preconditioner; used by ``two_level.py``.

The n unknowns are cut into runs of consecutive ones; ends (runs,) is where each run ends. The coarse functions are the
K functions of basis (K, n), each restricted to one run.
"""

from hybridmatte.linalg.threads import run_pieces, short_kernel

FLAGS = {"reassoc", "contract", "nsz"}


@short_kernel(fastmath=FLAGS)
def _sum_runs(first, last, ends, basis, x, sums):
    """Write rows first to last - 1 of the inner products."""
    for run in range(first, last):
        for k in range(basis.shape[0]):
            function = basis[k]
            total = x.dtype.type(0)
            for i in range(0 if run == 0 else ends[run - 1], ends[run]):
                total += x[i] * function[i]
            sums[run, k] = total


def sum_runs(ends, basis, x, sums):
    """Write the inner products (runs, K) of x with the coarse functions into sums."""
    run_pieces(_sum_runs, len(ends), ends, basis, x, sums, cost=2 * x.size / max(len(ends), 1))


@short_kernel(fastmath=FLAGS)
def _scale_and_spread(first_run, last_run, scale, x, ends, basis, inverse, sums, out):
    """Write the unknowns of the runs first_run to last_run - 1; see `scale_and_spread`."""
    n_functions = basis.shape[0]
    for run in range(first_run, last_run):
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


def scale_and_spread(scale, x, ends, basis, inverse, sums, out):
    """Write ``scale * x`` plus the coarse correction into out.

    The correction is the sum of the coarse functions with the coefficients inverse @ sums, where inverse
    (runs K, runs K) is the inverse of the coarse matrix and sums (runs K,) are the inner products from `sum_runs`.
    """
    run_pieces(
        _scale_and_spread, len(ends), scale, x, ends, basis, inverse, sums, out, cost=4 * x.size / max(len(ends), 1)
    )
