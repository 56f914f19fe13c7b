"""The nonlocal Laplacian against brute force, and its solve against the direct one."""

from functools import partial

import numpy as np
import pytest

from baselines.nonlocal_means import nonlocal_affinity
from baselines.solve import solve_system
from hybridmatte.methods import nonlocal_means
from hybridmatte.methods.nonlocal_means import NonlocalOptions, nonlocal_laplacian, nonlocal_system
from hybridmatte.systems.problem import check_problem
from hybridmatte.systems.solve import solve_problem
from tests.synthetic import constant, soft_disk

SCENE = soft_disk()
SMALL = {"window_size": 7, "patch_size": 3, "h1": 0.2, "h2": 4.0, "n_neighbors": 9}


def solve(scene, **options):
    problem = check_problem(scene.image, scene.trimap, options.pop("prior", None), options.pop("confidence", None))
    build = partial(nonlocal_system, options=NonlocalOptions(**options))
    return solve_problem(problem, build, rtol=1e-9, maxiter=1000, method="nonlocal")


def test_equals_the_double_loop(monkeypatch, rng):
    monkeypatch.setattr(nonlocal_means, "ADJACENT_WEIGHT", 0.0)
    image = rng.random((9, 12, 3)).astype(np.float32)
    affinity = nonlocal_affinity(image, **SMALL | {"n_neighbors": 10}).toarray()  # there the pixel is one of them
    np.fill_diagonal(affinity, 0.0)
    residual = np.eye(108) - affinity / affinity.sum(axis=1, keepdims=True)
    laplacian = nonlocal_laplacian(image, **SMALL).toarray()
    assert np.abs(laplacian - residual.T @ residual).max() < 1e-5  # float32 weights
    assert np.linalg.eigvalsh(laplacian).min() > -1e-6


def test_rows_sum_to_zero_and_follow_the_mask(rng):
    image, is_unknown = rng.random((9, 12, 3)).astype(np.float32), rng.random((9, 12)) < 0.5
    rows = nonlocal_laplacian(image, is_unknown=is_unknown, **SMALL).toarray()
    assert np.abs(rows.sum(axis=1)).max() < 1e-6
    assert not rows[~is_unknown.ravel()].any()


@pytest.mark.parametrize("prior", [False, True], ids=["plain", "prior"])
def test_equals_the_direct_solve(prior, rng):
    extra = {"prior": rng.random(SCENE.alpha.shape), "confidence": rng.random(SCENE.alpha.shape)} if prior else {}
    is_unknown = (SCENE.trimap > 0.1) & (SCENE.trimap < 0.9)
    expected = solve_system(nonlocal_laplacian(SCENE.image, is_unknown=is_unknown, **SMALL), SCENE.trimap, **extra)
    assert np.abs(solve(SCENE, **extra, **SMALL) - expected).max() < 1e-4


def test_recovers_the_disk():
    is_unknown = (SCENE.trimap > 0.1) & (SCENE.trimap < 0.9)
    assert np.abs(solve(SCENE) - SCENE.alpha)[is_unknown].mean() < 0.08


def test_constant_image_and_tiny_image_are_solved():
    assert np.isfinite(solve(constant())).all()
    tiny = SCENE._replace(image=np.linspace(0, 1, 12).reshape(1, 4, 3), trimap=np.array([[0.0, 0.5, 0.5, 1.0]]))
    assert solve(tiny).shape == (1, 4)


def test_every_option_changes_the_result():
    base = solve(SCENE, **SMALL)
    for option in ({"window_size": 5}, {"patch_size": 1}, {"h1": 0.1}, {"h2": 8.0}, {"n_neighbors": 12}):
        assert np.abs(solve(SCENE, **SMALL | option) - base).max() > 1e-4, option


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"window_size": 4}, "window_size is 4, expected an odd integer", id="window"),
        pytest.param({"patch_size": 2}, "patch_size is 2, expected an odd integer", id="patch"),
        pytest.param({"h1": 0.0}, "h1 is 0.0, expected a finite number at least 1e-06", id="h1"),
        pytest.param({"h2": 1e-25}, "h2 is 1e-25, expected a finite number at least 1e-06", id="h2"),
        pytest.param({"n_neighbors": 0}, "n_neighbors is 0, expected an integer of at least 1", id="neighbours"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        nonlocal_laplacian(SCENE.image, **options)
