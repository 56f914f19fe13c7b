"""A preconditioner of two levels: the diagonal, and a small dense system between runs of unknowns."""

import numpy as np

__all__ = ["run_ends", "two_level"]

RIDGE = 1e-6  # of the dense system's diagonal: runs that nothing ties to known pixels


def run_ends(n, n_runs):
    """Return the ends (n_runs,) of runs of n unknowns that differ in length by at most one."""
    return np.arange(1, n_runs + 1) * n // n_runs


def two_level(diagonal, ends, between):
    """Return the function that divides a residual by the diagonal and adds a value common to each run of unknowns.

    ``D^-1 r + P (P' A P)^-1 P' r``, symmetric positive definite: the second term takes the slow modes, nearly constant
    over unknowns that are much alike, if these stand in a row.

    Parameters
    ----------
    diagonal : (n,) array
        The diagonal of A, positive.
    ends : (m,) integer array
        The ends of the runs, as `run_ends` returns them.
    between : (m, m) float64 array
        P' A P, where P repeats a value over each run; symmetric positive semidefinite.

    References
    ----------
    .. [1] R. Nicolaides. Deflation of conjugate gradients with applications to boundary value problems. SIAM J. Numer.
       Anal. 1987.
    .. [2] M. Dryja, O. Widlund. An additive variant of the Schwarz alternating method for the case of many subregions.
       1987.
    """
    from hybridmatte.solver import _two_level_numba as kernels
    from hybridmatte.solver._dense_numba import invert_dense

    ties = between.diagonal()
    inverse = invert_dense(between + RIDGE * np.diag(np.maximum(ties, RIDGE * ties.max())))
    scale = 1 / diagonal
    sums, out = np.empty(len(between)), np.empty_like(diagonal)

    def precondition(residual):
        kernels.sum_runs(ends, residual, sums)
        kernels.scale_and_spread(scale, residual, ends, inverse, sums, out)
        return out

    return precondition
