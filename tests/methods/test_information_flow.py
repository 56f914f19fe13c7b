"""Information flow: weights, flows, Laplacian, system and solution, against properties and the plain form."""

import numpy as np
import pytest

import baselines.information_flow
from hybridmatte.errors import ConvergenceWarning
from hybridmatte.linalg.conjugate_gradient import conjugate_gradient
from hybridmatte.linalg.threads import thread_limit
from hybridmatte.linalg.two_level import run_ends
from hybridmatte.methods._information_flow_numba import drop_own, mixture_weights
from hybridmatte.methods.information_flow import (
    SINGLE_RTOL,
    information_flow_laplacian,
    information_flow_system,
    known_to_unknown_flow,
    solve_flow,
    solve_information_flow,
)
from hybridmatte.similarity.features import pixel_features
from hybridmatte.systems.problem import check_problem
from tests.synthetic import colour_ramp, constant, soft_disk
from tests.tolerances import assert_close


def solve(scene, *, expansion=0.0, known_weight=0.05, rtol=1e-9, maxiter=2000, prior=None, confidence=None):
    return solve_information_flow(
        scene.image,
        scene.trimap,
        expansion=expansion,
        known_weight=known_weight,
        rtol=rtol,
        maxiter=maxiter,
        prior=prior,
        confidence=confidence,
    )


def system_of(scene, **options):
    problem = check_problem(scene.image, scene.trimap)
    return information_flow_system(problem.image, problem.is_unknown, problem.known_alpha, **options), problem


@pytest.mark.parametrize("n_neighbors", [1, 2, 3, 12, 20])
def test_mixture_weights_equal_a_gram_solve(n_neighbors, rng):
    colors = rng.random((30, 3)).astype(np.float32)
    neighbors = np.stack([rng.permutation(30)[: n_neighbors + 1] for _ in range(7)]).astype(np.int32)
    pixels = neighbors[:, 1].astype(np.int32)  # each has itself among its neighbours
    others = drop_own(pixels, neighbors)
    weights = mixture_weights(colors, pixels, others, 1e-3)
    for i in range(7):
        assert others[i].tolist() == [j for j in neighbors[i] if j != pixels[i]]
        expected = baselines.information_flow.mixture_weights(
            colors[pixels[i]].astype(np.float64), colors[others[i]].astype(np.float64), 1e-3
        )
        assert_close(weights[i], expected)


def test_laplacian_is_symmetric_semidefinite_with_constants_in_its_null_space(rng):
    laplacian = information_flow_laplacian(rng.random((7, 9, 3))).toarray()
    assert_close(laplacian, laplacian.T)
    assert_close(laplacian @ np.ones(63), np.zeros(63), 1e-5)  # the weights are float32
    assert np.linalg.eigvalsh(laplacian)[0] > -1e-7


@pytest.mark.parametrize("options", [{}, {"n_neighbors": 5}, {"intra_weight": 0.3}, {"local_weight": 0.2}])
def test_laplacian_equals_the_plain_form(options):
    scene = soft_disk((17, 23))
    is_unknown = scene.trimap == 0.5
    laplacian = information_flow_laplacian(scene.image, is_unknown=is_unknown, **options)
    plain = baselines.information_flow.information_flow_laplacian(scene.image, is_unknown, **options)
    rows = np.flatnonzero(is_unknown)
    assert_close(laplacian[rows].toarray(), plain[rows].toarray(), 1e-6)  # mixture weights are float32


def test_known_flow_equals_the_plain_form_and_is_zero_on_known_pixels():
    scene = soft_disk((17, 23))
    flow = known_to_unknown_flow(scene.image, scene.trimap)
    for plane, plain in zip(
        flow, baselines.information_flow.known_to_unknown_flow(scene.image, scene.trimap), strict=True
    ):
        assert_close(plane, plain)
        assert not plane[scene.trimap != 0.5].any()


def test_known_flow_without_a_region_says_nothing():
    flow = known_to_unknown_flow(np.zeros((4, 5, 3)), np.full((4, 5), 0.5))
    assert not flow.confidence.any()


def test_system_is_the_laplacian_with_known_pixels_eliminated():
    scene = soft_disk((17, 23))
    system, problem = system_of(scene, known_weight=0.0)
    unknown, known = np.flatnonzero(problem.is_unknown), problem.known_alpha.ravel()
    laplacian = information_flow_laplacian(scene.image, is_unknown=problem.is_unknown)[unknown]
    matrix, rhs = system.to_csr()
    assert_close(matrix.toarray(), laplacian[:, unknown].toarray(), 1e-7)  # flow weights are float32
    assert_close(rhs, -(laplacian @ known), 1e-7)


def test_product_and_diagonal_equal_the_sparse_form(rng):
    system, _ = system_of(soft_disk((23, 29)))
    matrix, _ = system.to_csr()
    order = np.argsort(system.cells)
    x = rng.standard_normal(len(order))
    assert_close(system.matvec(x)[order], matrix @ x[order])
    assert_close(system.diagonal[order], matrix.diagonal())


@pytest.mark.parametrize("n_functions", [1, 3])
@pytest.mark.parametrize("n_runs", [1, 7, 40])
def test_coarse_matrix_equals_the_sparse_product(n_runs, n_functions, rng):
    system, _ = system_of(soft_disk((23, 29)))
    matrix, _ = system.to_csr()
    n, order = len(system.cells), np.argsort(system.cells)
    basis, ends = rng.integers(-9, 10, (n_functions, n)), run_ends(n, n_runs)
    run_of = np.searchsorted(ends, np.arange(n), side="right")
    columns = ((run_of[:, None] == np.arange(n_runs))[:, :, None] * basis.T[:, None]).reshape(n, -1)[order]
    system.ends, system.basis = ends, basis
    assert_close(system.coarse_matrix(), columns.T @ (matrix @ columns), 1e-9 * 81 * n)


def test_single_precision_says_the_same(rng):
    system, _ = system_of(soft_disk((23, 29)))
    single, x = system.single(), rng.random(len(system.cells))
    product = single.matvec(x.astype(np.float32))
    assert product.dtype == single.diagonal.dtype == np.float32
    assert_close(product, system.matvec(x), 1e-5)
    scene = soft_disk((61, 67), noise=0.02)
    assert_close(solve(scene, rtol=SINGLE_RTOL), solve(scene), 1e-3)


def test_one_unknown_pixel_has_a_sparse_form():
    scene = soft_disk((17, 23))
    trimap = np.round(scene.alpha)
    trimap[8, 11] = 0.5
    matrix, rhs = system_of(scene._replace(trimap=trimap))[0].to_csr()
    assert matrix.shape == (1, 1)
    assert_close(solve(scene._replace(trimap=trimap))[8, 11], np.clip(rhs[0] / matrix[0, 0], 0, 1))


@pytest.mark.parametrize("has_prior", [False, True])
def test_a_small_system_with_a_start_stops_where_a_large_one_does(monkeypatch, has_prior):
    """Without a start it is solved to rounding, as few known pixels leave much open."""
    scene, counts = soft_disk((40, 50), noise=0.03), []

    def counted(*arguments, **options):
        result = conjugate_gradient(*arguments, **options)
        counts.append(result.iterations)
        return result

    monkeypatch.setattr("hybridmatte.systems.solve.conjugate_gradient", counted)
    given = (scene.alpha, np.full_like(scene.alpha, 1e-3)) if has_prior else ()
    problem = check_problem(scene.image, scene.trimap, *given)
    exact = solve_flow(problem)
    near = np.clip(exact + np.float32(0.02), 0, 1)
    alpha = solve_flow(problem, start=near, rtol=3e-3)
    assert counts[1] < 0.3 * counts[0]
    assert np.abs(alpha - exact).max() < 0.02


def test_a_prior_decides_however_weak_it_is():
    prior, confidence = np.full((64, 64), 0.25, np.float32), np.zeros((64, 64), np.float32)
    confidence[5, 7] = 1e-6
    image, trimap = np.full((64, 64, 3), 0.5), np.full((64, 64), 0.5)
    alpha = solve_information_flow(image, trimap, prior=prior, confidence=confidence, expansion=0.0, rtol=1e-4)
    assert_close(alpha, prior, 1e-3)


@pytest.mark.parametrize("rtol", [1e-4, 1e-9])
def test_one_thread_and_two_agree_bit_for_bit(rtol):
    scene, results = soft_disk((61, 67), noise=0.02), []
    for n_threads in (1, 2):
        with thread_limit(n_threads):
            results.append(solve(scene, rtol=rtol))
    assert np.array_equal(*results)


def test_like_pixels_stand_in_a_row():
    system, problem = system_of(soft_disk((61, 67), noise=0.02))
    assert np.array_equal(np.sort(system.cells), np.flatnonzero(system.local.layout.pixels >= 0))
    features = pixel_features(problem.image).T[system.pixels]
    groups = np.array_split(features, 32)
    within = np.mean([group.var(axis=0).sum() for group in groups])
    assert within < 0.2 * features.var(axis=0).sum()


@pytest.mark.parametrize("expansion", [0.0, 12.0])
@pytest.mark.parametrize("known_weight", [0.05, 1.0])
def test_alpha_equals_a_direct_solve(expansion, known_weight):
    scene = soft_disk((23, 29), noise=0.02)
    alpha = solve(scene, expansion=expansion, known_weight=known_weight)
    plain = baselines.information_flow.solve_information_flow(scene.image, scene.trimap, expansion, known_weight)
    assert_close(alpha, plain)
    assert np.array_equal(alpha[scene.trimap != 0.5], scene.trimap[scene.trimap != 0.5])


def test_colour_line_is_reproduced():
    scene = colour_ramp()
    assert_close(solve(scene), scene.alpha, 1e-2)  # the ridges hold the mixtures back a little


def test_constant_image_is_solved_without_a_warning():
    alpha = solve(constant(), expansion=12.0)
    assert 0.0 <= alpha.min() <= alpha.max() <= 1.0


@pytest.mark.parametrize("axis", [0, 1])
def test_flips(axis):
    scene = soft_disk((23, 29), noise=0.02)
    flipped = type(scene)(*(np.ascontiguousarray(np.flip(plane, axis)) for plane in scene))
    assert_close(np.flip(solve(flipped, expansion=12.0), axis), solve(scene, expansion=12.0), 1e-3)


def test_a_strong_prior_is_followed_and_stops_the_expansion():
    scene = soft_disk((23, 29))
    prior = np.full(scene.trimap.shape, 0.25, np.float32)
    alpha = solve(scene, expansion=12.0, prior=prior, confidence=1e5)
    assert_close(alpha[scene.trimap == 0.5], prior[scene.trimap == 0.5], 1e-3)


def test_a_prior_answers_where_nothing_is_known(rng):
    image, prior = rng.random((9, 11, 3)), np.full((9, 11), 0.25, np.float32)
    trimap = np.full((9, 11), 0.5)
    alpha = solve_information_flow(image, trimap, prior=prior, confidence=0.1, rtol=1e-9, maxiter=2000)
    assert_close(alpha, prior)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (2, 2)])
def test_tiny_images(shape):
    image, trimap, prior = np.full((*shape, 3), 0.5), np.full(shape, 0.5), np.full(shape, 0.75)
    alpha = solve_information_flow(image, trimap, prior=prior, confidence=1.0, rtol=1e-9, maxiter=100)
    assert_close(alpha, np.full(shape, 0.75, np.float32))


def test_few_iterations_warn():
    message = "information flow reached a relative residual of .* after 2 iterations"
    with pytest.warns(ConvergenceWarning, match=message):
        solve(soft_disk((23, 29)), maxiter=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_neighbors": 0}, "n_neighbors is 0, expected an integer of at least 1"),
        ({"intra_weight": -1.0}, "intra_weight is -1.0, expected a finite number at least 0"),
        ({"local_weight": np.inf}, "local_weight is inf, expected a finite number at least 0"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        information_flow_laplacian(np.zeros((4, 5, 3)), **options)
