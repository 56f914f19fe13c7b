"""A preconditioner of two levels: the diagonal, and a small dense system between runs of unknowns."""

import numpy as np

__all__ = ["affine_basis", "run_ends", "two_level"]

RIDGE = 1e-6  # of the dense system's diagonal: runs that nothing ties to known pixels
LEVELS = 127  # of the basis's functions to each side of zero


def run_ends(n, n_runs):
    """Return the ends (n_runs,) of runs of n unknowns that differ in length by at most one."""
    return np.arange(1, n_runs + 1) * n // n_runs


def affine_basis(features, ends):
    """Return one and the features (D, n) scaled to each run's range, (D + 1, n) int8: affine functions over the runs.

    Rounded to 127 steps to each side of zero, which the dense system, formed with the rounded functions, knows of; 0
    where a feature is constant.
    """
    starts = np.r_[0, ends[:-1]]
    basis = np.ones((len(features) + 1, features.shape[1]), np.int8)
    for function, feature in zip(basis[1:], features, strict=True):
        low, high = (extreme.reduceat(feature, starts) for extreme in (np.minimum, np.maximum))
        middle, reach = (low + high) / 2, np.where(high > low, (high - low) / 2, 1)
        function[:] = np.round((feature - np.repeat(middle, ends - starts)) * np.repeat(LEVELS / reach, ends - starts))
    return basis


def two_level(diagonal, ends, basis, between):
    """Return the function that divides a residual by the diagonal and adds functions of a basis over each run.

    ``D^-1 r + P (P' A P)^-1 P' r``, symmetric positive definite: the second term takes the slow modes, nearly affine
    in colour and place over unknowns that are much alike, if these stand in a row.

    Parameters
    ----------
    diagonal : (n,) array
        The diagonal of A, positive.
    ends : (m,) integer array
        The ends of the runs, as `run_ends` returns them.
    basis : (K, n) int8 array
        Functions whose restrictions to the runs are the columns of P, those of the first run first.
    between : (m K, m K) float64 array
        P' A P; symmetric positive semidefinite.

    References
    ----------
    .. [1] R. Nicolaides. Deflation of conjugate gradients with applications to boundary value problems. SIAM J. Numer.
       Anal. 1987.
    .. [2] M. Dryja, O. Widlund. An additive variant of the Schwarz alternating method for the case of many subregions.
       1987.
    """
    from hybridmatte.linalg import _two_level_numba as kernels
    from hybridmatte.linalg._dense_numba import invert_dense

    ties = between.diagonal()
    inverse = invert_dense(between + RIDGE * np.diag(np.maximum(ties, RIDGE * ties.max()))).astype(diagonal.dtype)
    scale = 1 / diagonal
    sums, out = np.empty((len(ends), len(basis)), diagonal.dtype), np.empty_like(diagonal)

    def precondition(residual):
        kernels.sum_runs(ends, basis, residual, sums)
        kernels.scale_and_spread(scale, residual, ends, basis, inverse, sums.ravel(), out)
        return out

    return precondition
