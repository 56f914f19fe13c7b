"""The preconditioner of two levels, against its dense form."""

import numpy as np
import pytest

from hybridmatte.linalg._dense_numba import invert_dense
from hybridmatte.linalg.conjugate_gradient import conjugate_gradient
from hybridmatte.linalg.jacobi import jacobi
from hybridmatte.linalg.two_level import LEVELS, RIDGE, affine_basis, run_ends, two_level
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


def spread(basis, n_runs):
    """Return P, (n, n_runs K): the functions of a basis (K, n) over each run."""
    return (members(basis.shape[1], n_runs)[:, :, None] * basis.T[:, None]).reshape(basis.shape[1], -1)


def basis_of(n_features, n, n_runs, rng):
    return affine_basis(rng.random((n_features, n)).astype(np.float32), run_ends(n, n_runs))


@pytest.mark.parametrize("n_runs", [1, 7])
def test_basis_spans_one_and_the_features(n_runs, rng):
    features = rng.random((2, 50)).astype(np.float32)
    features[1, :20] = 0.5
    columns = spread(affine_basis(features, run_ends(50, n_runs)), n_runs)
    wanted = spread(np.concatenate([np.ones((1, 50)), features]), n_runs)
    missed = wanted - columns @ np.linalg.lstsq(columns, wanted, rcond=None)[0]
    assert np.abs(missed).max() < 0.5 / LEVELS


def test_features_that_are_constant_over_a_run_are_no_functions_of_it():
    basis = affine_basis(np.repeat(np.float32([[0.1, 0.7]]), 5, axis=1), run_ends(10, 2))
    assert basis.tolist() == [[1] * 10, [0] * 10]


@pytest.mark.parametrize("n_features", [0, 1, 3])
@pytest.mark.parametrize(
    ("n_runs", "dtype", "tolerance"), [(1, np.float64, 1e-6), (7, np.float64, 1e-6), (7, np.float32, 1e-5)]
)
def test_equals_the_dense_form(n_features, n_runs, dtype, tolerance, rng):
    root, residual = rng.standard_normal((50, 60)), rng.standard_normal(50)
    matrix, basis = root @ root.T, basis_of(n_features, 50, n_runs, rng)
    columns = spread(basis, n_runs)
    between = columns.T @ matrix @ columns
    common = np.linalg.solve(between + RIDGE * np.diag(np.diag(between)), columns.T @ residual)
    precondition = two_level(np.diag(matrix).astype(dtype), run_ends(50, n_runs), basis, between)
    found = precondition(residual.astype(dtype))
    assert found.dtype == dtype
    assert_close(found, residual / np.diag(matrix) + columns @ common, tolerance)


def test_takes_the_slow_modes_of_a_long_chain():
    n, rhs = 2000, np.random.default_rng(0).random(2000)
    matrix = 2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1)
    diagonal, place = np.diag(matrix).copy(), np.linspace(0, 1, n, dtype=np.float32)[None]

    def steps(precondition):
        return conjugate_gradient(lambda x: matrix @ x, rhs, precondition, rtol=1e-6).iterations

    def steps_with(features, n_runs):
        basis = affine_basis(features, run_ends(n, n_runs))
        columns = spread(basis, n_runs)
        return steps(two_level(diagonal, run_ends(n, n_runs), basis, columns.T @ matrix @ columns))

    assert steps_with(place[:0], 100) < 0.2 * steps(jacobi(diagonal))
    assert steps_with(place, 100) < 0.7 * steps_with(place[:0], 100)


def test_a_run_tied_to_nothing_does_no_harm(rng):
    between = np.zeros((2, 2))
    between[0, 0] = 1.0
    found = two_level(np.ones(6), run_ends(6, 2), np.ones((1, 6), np.int8), between)(np.r_[rng.random(3), -1, 0, 1.0])
    assert_close(found[3:], [-1.0, 0.0, 1.0], 1e-6)


@pytest.mark.parametrize("n", [1, 31, 32, 33, 100])
def test_a_dense_inverse_is_found_by_blocks(n, rng):
    root = rng.standard_normal((n, n + 5))
    matrix = root @ root.T
    assert_close(invert_dense(matrix) @ matrix, np.eye(n), 1e-9)


@pytest.mark.parametrize("place", [0, 40])
def test_an_indefinite_matrix_has_no_inverse(place):
    matrix = np.eye(50)
    matrix[place, place] = -1.0
    assert np.isnan(invert_dense(matrix)).all()


def test_dense_inverse_refuses_pivots_below_the_tolerance():
    matrix = np.diag([1.0, 2.0, 3.0])
    matrix[0, 1] = matrix[1, 0] = np.sqrt(2.0) * (1 - 1e-8)
    assert np.isfinite(invert_dense(matrix)).all()
    assert np.isnan(invert_dense(matrix, 1e-6)).all()
