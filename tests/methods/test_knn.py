"""The KNN Laplacian against brute force, and how far the reduced form may be from it."""

from functools import partial

import numpy as np
import pytest

from baselines.knn import knn_laplacian as oracle
from baselines.solve import solve_system
from hybridmatte.linalg.graph_aggregation import GraphAggregation
from hybridmatte.methods import knn
from hybridmatte.methods.knn import KnnOptions, knn_laplacian, knn_system
from hybridmatte.systems.problem import check_problem
from hybridmatte.systems.solve import solve_problem
from tests.synthetic import constant, soft_disk
from tests.tolerances import assert_close

SCENE = soft_disk()


def solve(scene, **options):
    problem = check_problem(scene.image, scene.trimap, options.pop("prior", None), options.pop("confidence", None))
    build = partial(knn_system, options=KnnOptions(**options))
    return solve_problem(problem, build, rtol=1e-8, maxiter=500, method="knn")


@pytest.mark.parametrize("kernel", ["binary", "soft"])
def test_whole_image_equals_brute_force(kernel, rng):
    image = rng.random((13, 17, 3)).astype(np.float32)
    laplacian = knn_laplacian(image, kernel=kernel)
    assert_close(laplacian.toarray(), oracle(image, kernel=kernel, adjacent_weight=0.01).toarray(), 1e-6)  # float32 W
    assert abs(laplacian - laplacian.T).max() < 1e-12
    assert np.linalg.eigvalsh(laplacian.toarray()).min() > -1e-6


def test_rows_of_unknown_pixels(rng):
    image, is_unknown = rng.random((13, 17, 3)).astype(np.float32), rng.random((13, 17)) < 0.4
    rows = knn_laplacian(image, is_unknown=is_unknown).toarray()
    unknown = is_unknown.ravel()
    assert not rows[~unknown].any()
    assert abs(rows.sum(axis=1)).max() < 1e-5
    whole = oracle(image, adjacent_weight=0.01).toarray()
    difference = (rows - whole)[np.ix_(unknown, unknown)]
    np.fill_diagonal(difference, 0.0)
    assert abs(difference).max() < 1e-6  # between unknown pixels the graph is exact


@pytest.mark.parametrize("prior", [False, True], ids=["plain", "prior"])
def test_system_equals_the_direct_solve(prior, rng):
    extra = {"prior": rng.random(SCENE.alpha.shape), "confidence": rng.random(SCENE.alpha.shape)} if prior else {}
    is_unknown = (SCENE.trimap > 0.1) & (SCENE.trimap < 0.9)
    expected = solve_system(knn_laplacian(SCENE.image, is_unknown=is_unknown), SCENE.trimap, **extra)
    assert np.abs(solve(SCENE, **extra) - expected).max() < 1e-5


def test_mutual_links_stay_near_the_exact_graph():
    expected = solve_system(oracle(SCENE.image), SCENE.trimap)
    assert np.abs(solve(SCENE) - expected).mean() < 0.02
    assert np.abs(solve(SCENE) - expected).max() < 0.2


def test_approximate_search_stays_near_the_exact_graph(monkeypatch):
    scene = soft_disk((131, 167), noise=0.03)
    exact = solve(scene)
    monkeypatch.setattr(knn, "EXACT_PIXELS", 0)
    loose = solve(scene)
    assert np.abs(loose - exact).mean() < 0.01
    assert np.abs(loose - scene.alpha).mean() < 1.05 * np.abs(exact - scene.alpha).mean()
    assert (loose != exact).any()


def test_candidates_of_similar_colour_anywhere():
    """All pixels near the unknown ones, and farther away a fifth; all of a small image, and where these are too few."""
    is_unknown = np.zeros((200, 400), bool)
    is_unknown[90:110, 190:200] = True
    found = np.zeros(is_unknown.shape, bool)
    found.ravel()[knn._candidates(is_unknown, 0.1, 10, is_exact=False)] = True
    assert found[80:120, 180:210].all()  # within 10 pixels, 2.5% of the longer side
    assert found[:, 230:].mean() == pytest.approx(0.2, abs=0.01)
    for n_neighbors, is_exact in ((10, True), (70_000, False)):
        assert len(knn._candidates(is_unknown, 0.1, n_neighbors, is_exact)) == is_unknown.size


def test_flips_and_channel_order():
    alpha = solve(SCENE)
    for image, flip in (
        (SCENE.image[::-1], np.flipud),
        (SCENE.image[:, ::-1], np.fliplr),
        (SCENE.image[:, :, ::-1], np.asarray),
    ):
        turned = SCENE._replace(image=np.ascontiguousarray(image), trimap=np.ascontiguousarray(flip(SCENE.trimap)))
        assert np.abs(flip(solve(turned)) - alpha).max() < 0.01  # float32 distances that tie up to rounding


def test_enclosed_island_of_its_own_colour_is_answered():
    image = np.zeros((15, 31, 3), np.float32)
    image[:, 16:] = 0.5
    image[4:11, 12:20] = [1.0, 0.0, 1.0]
    trimap = np.full((15, 31), 0.5)
    trimap[:, :4], trimap[:, -4:] = 0.0, 1.0
    alpha = solve(SCENE._replace(image=image, trimap=trimap), n_neighbors=(4, 3))
    assert np.isfinite(alpha).all()
    assert 0.1 < alpha[7, 15] < 0.9


def test_constant_image_and_tiny_image_are_solved():
    assert np.isfinite(solve(constant())).all()
    tiny = SCENE._replace(image=np.linspace(0, 1, 12).reshape(1, 4, 3), trimap=np.array([[0.0, 0.5, 0.5, 1.0]]))
    assert solve(tiny).shape == (1, 4)


def test_every_option_changes_the_result():
    base = solve(SCENE)
    for option in (
        {"n_neighbors": (9, 5)},
        {"spatial_weights": (1.0, 0.3)},
        {"kernel": "soft"},
        {"color_space": "hsv"},
    ):
        assert np.abs(solve(SCENE, **option) - base).max() > 1e-4, option


def test_aggregation_is_symmetric_and_positive(rng):
    scene = soft_disk((61, 77))
    problem = check_problem(scene.image, scene.trimap)
    system = knn_system(problem.image, problem.is_unknown, problem.known_alpha)
    apply = GraphAggregation(system.indptr, system.indices, system.data, system.diagonal)
    x, y = rng.standard_normal((2, system.rhs.size))
    mx, my = apply(x).copy(), apply(y).copy()
    assert abs(x @ my - y @ mx) < 1e-7 * abs(x @ mx)  # float32 sums of the coarse links differ with their order
    assert x @ mx > 0.0
    assert y @ my > 0.0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        pytest.param({"n_neighbors": (0, 3)}, ValueError, "n_neighbors is 0", id="no neighbours"),
        pytest.param({"n_neighbors": 20}, TypeError, "n_neighbors is 20, expected a sequence", id="not a sequence"),
        pytest.param(
            {"n_neighbors": (5,)}, ValueError, "n_neighbors has 1 entries but spatial_weights has 2", id="length"
        ),
        pytest.param({"spatial_weights": (1.0, -1.0)}, ValueError, "spatial_weights is -1.0", id="negative"),
        pytest.param({"kernel": "gauss"}, ValueError, "kernel is 'gauss', expected 'binary' or 'soft'", id="kernel"),
        pytest.param({"is_unknown": np.ones((3, 4), bool)}, ValueError, "is_unknown has shape", id="mask"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        knn_laplacian(SCENE.image, **options)
