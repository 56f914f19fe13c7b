"""The colour-line multigrid: a symmetric positive operator, good in few iterations, the same for any threads."""

import numpy as np
import pytest

from hybridmatte.linalg import multigrid
from hybridmatte.linalg.conjugate_gradient import conjugate_gradient
from hybridmatte.linalg.multigrid import ColorLineMultigrid
from hybridmatte.linalg.threads import thread_count, thread_limit
from hybridmatte.methods.closed_form import closed_form_system
from hybridmatte.methods.learning_based import learning_based_system
from hybridmatte.methods.random_walk import random_walk_system
from hybridmatte.trimap import split_trimap
from tests.synthetic import soft_disk

BUILDERS = [closed_form_system, learning_based_system, random_walk_system]


def make_system(build=closed_form_system, shape=(61, 83)):
    scene = soft_disk(shape)
    regions = split_trimap(scene.trimap)
    system = build(scene.image, regions.is_unknown, regions.is_foreground.astype(np.float32))
    return system, scene.image


@pytest.mark.slow
@pytest.mark.parametrize("coarsest", [2, 150], ids=["all levels", "two levels"])
@pytest.mark.parametrize("build", BUILDERS)
def test_symmetric_and_positive(build, coarsest, rng, monkeypatch):
    monkeypatch.setattr(multigrid, "COARSEST", coarsest)
    system, image = make_system(build, (31, 37))
    precondition = ColorLineMultigrid(system, image)
    cells = np.flatnonzero(system.layout.pixels >= 0)
    vectors = np.zeros((8, system.layout.n_cells))
    vectors[:, cells] = rng.standard_normal((8, len(cells)))
    images = np.stack([precondition(vector).copy() for vector in vectors]).astype(float)
    gram = vectors @ images.T
    assert np.abs(gram - gram.T).max() < 1e-4 * np.abs(gram).max()  # float32 inside
    assert np.linalg.eigvalsh(gram + gram.T).min() > 0.0


def dense(apply, cells, n_cells):
    """Return the matrix of an operator on cells."""
    unit = np.zeros((len(cells), n_cells))
    unit[np.arange(len(cells)), cells] = 1.0
    return np.stack([np.array(apply(vector))[cells] for vector in unit], axis=1)


@pytest.mark.parametrize("build", BUILDERS)
def test_bound_is_an_upper_bound(build):
    system, _ = make_system(build, (25, 29))
    plane = np.random.default_rng(0).random((25, 29))
    system.add_prior(plane, plane)
    cells = np.flatnonzero(system.layout.pixels >= 0)
    matrix = dense(system.matvec, cells, system.layout.n_cells)
    assert np.linalg.eigvalsh(np.diag(system.bound[cells]) - matrix).min() > -1e-9


def test_first_coarse_matrix_is_the_galerkin_product():
    system, image = make_system(shape=(45, 51))
    level, coarse, *_ = multigrid._pixel_level(system, image)
    cells = np.flatnonzero(system.layout.pixels >= 0)
    functions = np.zeros((system.layout.n_cells, len(level._cells), 4))
    for block, members in enumerate(level._cells):
        own = members[members > 0]
        functions[own, block] = level._basis[own]
    functions = functions[cells].reshape(len(cells), -1)
    matrix = dense(system.matvec, cells, system.layout.n_cells)
    expected = functions.T @ matrix @ functions
    assert np.abs(coarse.toarray() - expected).max() < 1e-5 * np.abs(expected).max()  # float32 result


def test_few_iterations_whatever_the_size():
    counts = []
    for shape in [(61, 83), (244, 332)]:
        system, image = make_system(shape=shape)
        result = conjugate_gradient(system.matvec, system.rhs, ColorLineMultigrid(system, image), rtol=1e-7)
        assert result.converged
        counts.append(result.iterations)
    assert max(counts) <= 40


def test_same_bits_for_one_thread_and_many():
    system, image = make_system(shape=(122, 166))
    answers = []
    for count in (1, thread_count()):
        with thread_limit(count):
            precondition = ColorLineMultigrid(system, image)
            answers.append(conjugate_gradient(system.matvec, system.rhs, precondition).x)
    assert np.array_equal(*answers)


def test_largest_eigenvalue_is_bounded_from_above(rng):
    factor = rng.standard_normal((30, 30)).astype(np.float32)
    matrix = factor @ factor.T + np.eye(30, dtype=np.float32)
    scale = rng.uniform(0.5, 2.0, 30).astype(np.float32)
    start = rng.standard_normal(30).astype(np.float32)
    largest = np.linalg.eigvals(scale[:, None] * matrix).real.max()
    estimate = multigrid._largest_eigenvalue(lambda x: (matrix @ x, scale * (matrix @ x)), start)
    assert largest <= estimate <= 1.2 * largest


def test_flat_colours_leave_only_the_constant():
    system, image = make_system(shape=(31, 37))
    flat = ColorLineMultigrid(system, np.full_like(image, 0.5))
    result = conjugate_gradient(system.matvec, system.rhs, flat, rtol=1e-7)
    assert result.converged


@pytest.mark.parametrize("n_known", [2, 6])
@pytest.mark.parametrize("coarsest", [2, 60], ids=["all levels", "two levels"])
def test_undetermined_systems_keep_the_preconditioner_positive(coarsest, n_known, rng, monkeypatch):
    """In grey pictures with few known pixels the coarse matrices were indefinite by the rounding errors of float32."""
    monkeypatch.setattr(multigrid, "COARSEST", coarsest)
    for _ in range(12):
        image = np.repeat((rng.random((24, 27, 1)) < 0.5).astype(np.float32), 3, axis=2)
        is_unknown = np.ones((24, 27), bool)
        is_unknown.ravel()[rng.choice(24 * 27, n_known, replace=False)] = False
        system = closed_form_system(image, is_unknown, (~is_unknown * (rng.random((24, 27)) < 0.5)).astype(np.float32))
        precondition = ColorLineMultigrid(system, image)
        vectors = rng.standard_normal((10, system.layout.n_cells)) * (system.layout.pixels >= 0)
        images = np.stack([precondition(vector).copy() for vector in vectors]).astype(float)
        gram = vectors @ images.T
        assert np.isfinite(gram).all()
        assert np.linalg.eigvalsh(gram + gram.T).min() > 0.0
