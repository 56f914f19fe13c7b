"""The preconditioner of two levels, against its dense form."""

import numpy as np
import pytest

from hybridmatte.solver.conjugate_gradient import conjugate_gradient
from hybridmatte.solver.preconditioner import jacobi
from hybridmatte.solver.two_level import RIDGE, run_ends, two_level
from tests.tolerances import assert_close


def members(n, n_runs):
    """Return P, (n, n_runs): which unknown is in which run."""
    edges = np.concatenate([[0], run_ends(n, n_runs)])
    return ((np.arange(n)[:, None] >= edges[:-1]) & (np.arange(n)[:, None] < edges[1:])).astype(float)


@pytest.mark.parametrize(("n", "n_runs"), [(1, 1), (50, 7), (50, 50), (64, 16)])
def test_runs_cover_all_and_are_even(n, n_runs):
    lengths = members(n, n_runs).sum(axis=0)
    assert lengths.sum() == n
    assert lengths.max() - lengths.min() <= 1


@pytest.mark.parametrize(("n_runs", "dtype", "tolerance"), [(1, np.float64, 1e-6), (7, np.float64, 1e-6),
                                                            (7, np.float32, 1e-5)])
def test_equals_the_dense_form(n_runs, dtype, tolerance, rng):
    root = rng.standard_normal((50, 60))
    matrix, members_of_runs, residual = root @ root.T, members(50, n_runs), rng.standard_normal(50)
    between = members_of_runs.T @ matrix @ members_of_runs
    common = np.linalg.solve(between + RIDGE * np.diag(np.diag(between)), members_of_runs.T @ residual)
    found = two_level(np.diag(matrix).astype(dtype), run_ends(50, n_runs), between)(residual.astype(dtype))
    assert found.dtype == dtype
    assert_close(found, residual / np.diag(matrix) + members_of_runs @ common, tolerance)


def test_takes_the_slow_modes_of_a_long_chain(rng):
    n = 2000
    matrix = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    between = members(n, 100).T @ matrix @ members(n, 100)
    rhs, diagonal = rng.random(n), np.diag(matrix).copy()
    steps = [conjugate_gradient(lambda x: matrix @ x, rhs, precondition, rtol=1e-6).iterations
             for precondition in (jacobi(diagonal), two_level(diagonal, run_ends(n, 100), between))]
    assert steps[1] < 0.2 * steps[0]


def test_a_run_tied_to_nothing_does_no_harm(rng):
    between = np.zeros((2, 2))
    between[0, 0] = 1.0
    found = two_level(np.ones(6), run_ends(6, 2), between)(np.r_[rng.random(3), -1.0, 0.0, 1.0])
    assert_close(found[3:], [-1.0, 0.0, 1.0], 1e-6)
