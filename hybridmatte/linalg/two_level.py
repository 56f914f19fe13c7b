"""A two-level preconditioner: the diagonal, and a small dense system over runs of consecutive unknowns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from hybridmatte.linalg import _two_level_numba as kernels
from hybridmatte.linalg._dense_numba import invert_dense
from hybridmatte.linalg.conjugate_gradient import Vector

__all__ = ["affine_basis", "run_ends", "two_level"]

RIDGE = 1e-6  # relative, added to the dense system's diagonal: nothing may tie a run to known values
LEVELS = 127  # quantisation levels of the basis functions on each side of zero


def run_ends(n: int, n_runs: int) -> npt.NDArray[np.int64]:
    """Return the ends (n_runs,) of runs of n unknowns; the lengths of the runs differ by at most one."""
    return np.arange(1, n_runs + 1) * n // n_runs


def affine_basis(features: npt.NDArray[Any], ends: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """Return the constant 1 and the features (D, n), each scaled to [-1, 1] over each run, as (D + 1, n) int8.

    The values are rounded to 127 levels on each side of zero. The dense system is formed with the rounded functions, so
    rounding costs no accuracy. A feature that is constant over a run is 0 there.
    """
    starts = np.r_[0, ends[:-1]]
    basis = np.ones((len(features) + 1, features.shape[1]), np.int8)
    for function, feature in zip(basis[1:], features, strict=True):
        low, high = (extreme.reduceat(feature, starts) for extreme in (np.minimum, np.maximum))
        middle, reach = (low + high) / 2, np.where(high > low, (high - low) / 2, 1)
        function[:] = np.round((feature - np.repeat(middle, ends - starts)) * np.repeat(LEVELS / reach, ends - starts))
    return basis


def two_level(
    diagonal: Vector, ends: npt.NDArray[Any], basis: npt.NDArray[np.int8], coarse_matrix: npt.NDArray[np.float64]
) -> Callable[[Vector], Vector]:
    """Return the additive two-level preconditioner ``r -> D^-1 r + P (P' A P)^-1 P' r``.

    It is symmetric positive definite. The second term corrects the slow modes. In matting these are nearly affine in
    colour and position over similar unknowns, so similar unknowns should be consecutive.

    Parameters
    ----------
    diagonal : (n,) array
        The diagonal of A, positive.
    ends : (m,) integer array
        The ends of the runs, from `run_ends`.
    basis : (K, n) int8 array
        Functions; their restrictions to the runs are the columns of P, run by run.
    coarse_matrix : (m K, m K) float64 array
        P' A P, symmetric positive semidefinite.

    Returns
    -------
    precondition : callable
        Takes a residual (n,) and returns a buffer (n,), which the next call overwrites.

    References
    ----------
    .. [1] R. Nicolaides. Deflation of conjugate gradients with applications to boundary value problems. SIAM J. Numer.
       Anal. 1987.
    .. [2] M. Dryja, O. Widlund. An additive variant of the Schwarz alternating method for the case of many subregions.
       1987.
    """
    own = coarse_matrix.diagonal()
    ridge = RIDGE * np.diag(np.maximum(own, RIDGE * own.max()))
    inverse = invert_dense(coarse_matrix + ridge).astype(diagonal.dtype)
    scale = 1 / diagonal
    sums, out = np.empty((len(ends), len(basis)), diagonal.dtype), np.empty_like(diagonal)

    def precondition(residual: Vector) -> Vector:
        kernels.sum_runs(ends, basis, residual, sums)
        kernels.scale_and_spread(scale, residual, ends, basis, inverse, sums.ravel(), out)
        return out

    return precondition
