"""Conjugate gradients against a direct solve."""

import numpy as np
import pytest

from hybridmatte.linalg.conjugate_gradient import conjugate_gradient, refined_conjugate_gradient
from hybridmatte.linalg.jacobi import jacobi
from tests.tolerances import assert_close


@pytest.fixture
def matrix(rng):
    """A random positive definite matrix with a badly scaled diagonal."""
    factor = rng.standard_normal((40, 40))
    scale = 10.0 ** rng.uniform(-2, 2, 40)
    return scale[:, None] * (factor @ factor.T + 40 * np.eye(40)) * scale


def test_solves_to_the_direct_solution(matrix, rng):
    rhs = rng.standard_normal(40)
    result = conjugate_gradient(lambda x: matrix @ x, rhs, jacobi(np.diag(matrix)), rtol=1e-13)
    assert result.converged
    rounding = np.sqrt(40) * np.finfo(float).eps * np.linalg.norm(np.abs(matrix) @ np.abs(result.x))  # of a product
    assert np.linalg.norm(rhs - matrix @ result.x) <= 1e-13 * np.linalg.norm(rhs) + rounding
    assert_close(result.x, np.linalg.solve(matrix, rhs), 1e-8)


def test_preconditioner_saves_iterations(matrix, rng):
    rhs = rng.standard_normal(40)
    plain = conjugate_gradient(lambda x: matrix @ x, rhs, rtol=1e-6, maxiter=1000)
    scaled = conjugate_gradient(lambda x: matrix @ x, rhs, jacobi(np.diag(matrix)), rtol=1e-6)
    assert scaled.iterations < plain.iterations / 2


def refine(matrix, rhs, **options):
    """Solve with a product in single precision and the exact diagonal."""
    single, scale = matrix.astype(np.float32), (1 / np.diag(matrix)).astype(np.float32)
    return refined_conjugate_gradient(
        lambda x: matrix @ x, lambda x: single @ x, rhs, lambda residual: scale * residual, **options
    )


@pytest.mark.parametrize("has_start", [False, True])
def test_single_precision_reaches_the_direct_solution(has_start, matrix, rng):
    rhs = rng.standard_normal(40)
    start = 1e-3 * rng.standard_normal(40) if has_start else None
    result = refine(matrix, rhs, x0=start, rtol=1e-10, maxiter=200)
    double = conjugate_gradient(lambda x: matrix @ x, rhs, jacobi(np.diag(matrix)), x0=start, rtol=1e-10)
    assert result.converged
    assert result.residual <= 1e-10
    assert result.iterations <= double.iterations + 3
    assert_close(result.x, np.linalg.solve(matrix, rhs), 1e-7)


@pytest.mark.parametrize("n", [6, 8, 12])
def test_single_precision_that_is_not_enough_is_refused(n):
    """The residual stalled at 1e-2 or 1e-6 until the last iteration, where double precision needs 12 to 53."""
    hilbert = 1 / (1 + np.arange(n)[:, None] + np.arange(n))
    with pytest.raises(np.linalg.LinAlgError, match="single precision|broke down"):
        refine(hilbert, np.ones(n), rtol=1e-12, maxiter=500)


def test_start_is_used_and_kept(matrix, rng):
    start = rng.standard_normal(40)
    kept = start.copy()
    result = conjugate_gradient(lambda x: matrix @ x, matrix @ start, x0=start)
    assert result.iterations == 0
    assert np.array_equal(start, kept)


def test_reports_what_it_did_not_reach(matrix, rng):
    result = conjugate_gradient(lambda x: matrix @ x, rng.standard_normal(40), rtol=1e-12, maxiter=2)
    assert not result.converged
    assert result.iterations == 2
    assert result.residual > 1e-12


def test_zero_right_hand_side_has_the_zero_solution(matrix):
    result = conjugate_gradient(lambda x: matrix @ x, np.zeros(40))
    assert result.converged
    assert not result.x.any()


def test_indefinite_matrix_is_refused(rng):
    diagonal = np.array([1.0, -1.0, 2.0])
    with pytest.raises(np.linalg.LinAlgError, match="broke down in iteration"):
        conjugate_gradient(lambda x: diagonal * x, np.array([0.1, 1.0, 0.1]) + 0.0 * rng.random(3))


def test_right_hand_side_small_against_the_first_guess():
    """The first guess left rounding errors above rtol times a tiny right-hand side, and 0 was divided by 0."""
    rhs = np.array([1e-5], np.float32)
    result = conjugate_gradient(lambda x: np.float32(2.96) * x, rhs, x0=np.array([0.52], np.float32), rtol=1e-7)
    assert result.converged
    assert abs(result.x[0] - 1e-5 / 2.96) < 1e-6
