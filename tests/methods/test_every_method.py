"""The contract of every solver: one list, one table of bad inputs, sampled properties, and direct solves."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import baselines.closed_form
import baselines.large_kernel
import baselines.learning_based
import baselines.random_walk
import hybridmatte
from baselines.solve import solve_system
from hybridmatte.errors import ConvergenceWarning
from hybridmatte.methods.registry import METHODS, solve
from tests.methods.test_windows import shrunk
from tests.synthetic import colour_ramp, constant, hard_edge, soft_disk

SOLVERS = [pytest.param(getattr(hybridmatte, f"solve_{name}"), id=name) for name in METHODS]
LAPLACIAN_SOLVERS = [p for p in SOLVERS if p.id != "sampling"]
SCENE = soft_disk()


def with_value(value):
    image = SCENE.image.copy()
    image[3, 4, 1] = value
    return image


BAD_INPUTS = [
    pytest.param(
        SCENE.image,
        SCENE.trimap.T,
        r"trimap has shape \(37, 29\) but image has shape \(29, 37, 3\), its tra",
        id="transposed trimap",
    ),
    pytest.param(SCENE.image, SCENE.trimap[:-1], r"trimap has shape \(28, 37\) but image", id="short trimap"),
    pytest.param(with_value(np.nan), SCENE.trimap, "image has 1 NaN or infinite", id="NaN"),
    pytest.param(with_value(np.inf), SCENE.trimap, "image has 1 NaN or infinite", id="infinity"),
    pytest.param(with_value(255.0), SCENE.trimap, r"image has floating-point values from .* to 255", id="out of range"),
    pytest.param(SCENE.image[:, :, :2], SCENE.trimap, r"image has shape \(29, 37, 2\)", id="two channels"),
    pytest.param(SCENE.image[:0], SCENE.trimap[:0], "image is empty", id="empty"),
    pytest.param(SCENE.image, SCENE.image, r"trimap has shape \(29, 37, 3\), expected one channel", id="colour trimap"),
    pytest.param(SCENE.image, np.full_like(SCENE.trimap, 0.5), "trimap has no foreground", id="all unknown"),
    pytest.param(SCENE.image, np.minimum(SCENE.trimap, 0.5), "trimap has no foreground", id="no foreground"),
    pytest.param(SCENE.image, np.maximum(SCENE.trimap, 0.5), "trimap has no background", id="no background"),
    pytest.param(
        SCENE.image, np.where(SCENE.trimap == 0.5, np.nan, SCENE.trimap), "trimap has .* NaN", id="NaN trimap"
    ),
]


@pytest.mark.parametrize(("image", "trimap", "message"), BAD_INPUTS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_bad_input_is_named(solver, image, trimap, message):
    with pytest.raises(ValueError, match=message):
        solver(image, trimap)


@pytest.mark.parametrize("solver", SOLVERS)
class TestEverySolver:
    @pytest.mark.slow
    def test_recovers_the_soft_disk(self, solver):
        alpha = solver(SCENE.image, SCENE.trimap)
        is_unknown = SCENE.trimap == 0.5
        assert alpha.dtype == np.float32
        assert alpha.shape == SCENE.alpha.shape
        assert np.abs(alpha - SCENE.alpha)[is_unknown].mean() < 0.1  # a constant 0.5 scores 0.36

    def test_known_pixels_are_exact(self, solver):
        alpha = solver(SCENE.image, SCENE.trimap)
        assert np.array_equal(alpha[SCENE.trimap != 0.5], SCENE.trimap[SCENE.trimap != 0.5])

    def test_inputs_are_never_modified(self, solver):
        image, trimap = SCENE.image.copy(), SCENE.trimap.copy()
        solver(image, trimap)
        assert np.array_equal(image, SCENE.image)
        assert np.array_equal(trimap, SCENE.trimap)

    def test_integers_and_floats_agree(self, solver):
        image = np.rint(SCENE.image * 255).astype(np.uint8)
        trimap = np.array([0, 128, 255], np.uint8)[(SCENE.trimap * 2).astype(int)]
        fine = image.astype(np.uint16) * 257
        expected = solver(image / np.float32(255), trimap / np.float32(255))
        for result in (solver(image, trimap), solver(fine, trimap)):
            assert np.abs(result - expected).mean() < 1e-3

    def test_grey_and_rgba_images_are_converted(self, solver):
        grey = SCENE.image.mean(axis=2)
        rgb = np.repeat(grey[:, :, None], 3, axis=2)
        rgba = np.concatenate([rgb, np.ones_like(rgb[:, :, :1])], axis=2)
        expected = solver(rgb, SCENE.trimap)
        assert np.array_equal(solver(grey, SCENE.trimap), expected)
        assert np.array_equal(solver(rgba, SCENE.trimap), expected)

    def test_all_known_is_the_trimap_itself(self, solver):
        trimap = np.where(SCENE.alpha > 0.5, 0.95, 0.05)
        assert np.array_equal(solver(SCENE.image, trimap), (SCENE.alpha > 0.5).astype(np.float32))
        assert not solver(SCENE.image, np.zeros_like(trimap)).any()

    def test_constant_image_is_solved_without_a_warning(self, solver):
        scene = constant((25, 31))
        alpha = solver(scene.image, scene.trimap)
        assert np.isfinite(alpha).all()
        assert 0.0 <= alpha.min() <= alpha.max() <= 1.0

    def test_same_call_same_bits(self, solver):
        assert np.array_equal(solver(SCENE.image, SCENE.trimap), solver(SCENE.image, SCENE.trimap))


@pytest.mark.parametrize("solver", LAPLACIAN_SOLVERS)
class TestPrior:
    def test_large_confidence_gives_the_prior(self, solver):
        prior = np.clip(SCENE.alpha * 0.5 + 0.2, 0, 1)
        alpha = solver(SCENE.image, SCENE.trimap, prior=prior, confidence=1e8)
        is_unknown = SCENE.trimap == 0.5
        assert np.abs(alpha - prior)[is_unknown].max() < 1e-3

    def test_no_confidence_gives_the_plain_answer(self, solver):
        plain = solver(SCENE.image, SCENE.trimap)
        alpha = solver(SCENE.image, SCENE.trimap, prior=1 - SCENE.alpha, confidence=0.0)
        assert np.abs(alpha - plain).max() < 1e-3

    def test_confidence_by_pixel(self, solver):
        prior = np.full_like(SCENE.alpha, 0.3)
        confidence = np.where(np.arange(37) < 18, 1e8, 0.0) * np.ones((29, 1))
        alpha = solver(SCENE.image, SCENE.trimap, prior=prior, confidence=confidence)
        is_unknown = SCENE.trimap == 0.5
        assert np.abs(alpha[:, :18] - 0.3)[is_unknown[:, :18]].max() < 1e-3
        assert np.abs(alpha[:, 19:] - 0.3)[is_unknown[:, 19:]].max() > 0.1

    def test_prior_answers_where_nothing_is_known(self, solver):
        prior = np.where(SCENE.alpha > 0.5, 0.8, 0.2)
        alpha = solver(SCENE.image, np.full_like(SCENE.trimap, 0.5), prior=prior, confidence=1e6)
        assert np.abs(alpha - prior).max() < 1e-2

    @pytest.mark.parametrize(
        ("prior", "confidence", "message"),
        [
            pytest.param(None, 1.0, "confidence came without a prior", id="no prior"),
            pytest.param(SCENE.alpha.T, None, r"prior has shape \(37, 29\) but image", id="transposed"),
            pytest.param(SCENE.alpha, -1.0, "confidence is -1.0, expected a finite number at least 0", id="negative"),
            pytest.param(
                SCENE.alpha, 1e39, r"confidence is 1e\+39, expected a finite number at least 0", id="too large"
            ),
            pytest.param(SCENE.alpha, SCENE.alpha.T, r"confidence has shape \(37, 29\) but image", id="confidence"),
            pytest.param(SCENE.alpha, SCENE.alpha - 0.5, "confidence has negative", id="negative plane"),
            pytest.param(SCENE.alpha * 2, None, r"prior has floating-point values", id="range"),
        ],
    )
    def test_bad_priors(self, solver, prior, confidence, message):
        with pytest.raises(ValueError, match=message):
            solver(SCENE.image, SCENE.trimap, prior=prior, confidence=confidence)


DIRECT = {
    "cf": baselines.closed_form.closed_form_laplacian,
    "learning_based": shrunk(baselines.learning_based.learning_based_laplacian, 2e-6),
    "random_walk": shrunk(baselines.random_walk.random_walk_laplacian, 3e-7, 1.0),
}


@pytest.mark.parametrize("prior", [False, True], ids=["plain", "prior"])
@pytest.mark.parametrize("name", DIRECT)
def test_equals_the_direct_solve(name, prior, rng):
    extra = {"prior": rng.random(SCENE.alpha.shape), "confidence": rng.random(SCENE.alpha.shape)} if prior else {}
    expected = solve_system(DIRECT[name](SCENE.image), SCENE.trimap, **extra)
    alpha = getattr(hybridmatte, f"solve_{name}")(SCENE.image, SCENE.trimap, rtol=1e-9, **extra)
    assert np.abs(alpha - expected).max() < 1e-4  # the residual's rtol times the system's condition


def test_large_kernel_equals_the_direct_solve():
    expected = solve_system(baselines.large_kernel.large_kernel_laplacian(SCENE.image, window_size=7), SCENE.trimap)
    alpha = hybridmatte.solve_large_kernel(SCENE.image, SCENE.trimap, window_size=7)
    assert np.abs(alpha - expected).max() < 1e-4


@pytest.mark.parametrize("name", ["cf", "learning_based", "random_walk", "large_kernel"])
def test_unconverged_answer_warns(name):
    with pytest.warns(ConvergenceWarning, match="after 1 iterations, wanted"):
        alpha = getattr(hybridmatte, f"solve_{name}")(SCENE.image, SCENE.trimap, maxiter=1)
    assert np.isfinite(alpha).all()


def test_exact_on_a_colour_ramp():
    scene = colour_ramp()
    assert np.abs(hybridmatte.solve_cf(scene.image, scene.trimap) - scene.alpha).max() < 1e-3


def test_hard_edges_stay_hard():
    scene = hard_edge()
    assert np.abs(hybridmatte.solve_random_walk(scene.image, scene.trimap) - scene.alpha).max() < 1e-3


@pytest.mark.parametrize("solver", [hybridmatte.solve_cf, hybridmatte.solve_large_kernel], ids=["cf", "large_kernel"])
def test_too_small_for_a_window_names_the_solvers_that_answer(solver):
    trimap = np.array([[0.0, 0.5, 0.5, 1.0]])
    with pytest.raises(ValueError, match="unknown pixels that no window .* random_walk and knn can"):
        solver(np.linspace(0, 1, 12).reshape(1, 4, 3), trimap)
    assert hybridmatte.solve_random_walk(np.linspace(0, 1, 12).reshape(1, 4, 3), trimap).shape == (1, 4)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        pytest.param({"epsilon": 0.0}, ValueError, "epsilon is 0.0, expected a finite number above 0", id="epsilon"),
        pytest.param({"epsilon": "small"}, TypeError, "epsilon is 'small', expected a number", id="type"),
        pytest.param({"rtol": 1.0}, ValueError, "rtol is 1.0", id="rtol"),
        pytest.param({"maxiter": 0}, ValueError, "maxiter is 0, expected an integer of at least 1", id="maxiter"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        hybridmatte.solve_cf(SCENE.image, SCENE.trimap, **options)


@pytest.mark.parametrize("name", ["cf", "knn", "nonlocal", "information_flow", "sampling"])
def test_warning_points_at_the_caller(name):
    with pytest.warns(ConvergenceWarning) as warned:
        getattr(hybridmatte, f"solve_{name}")(SCENE.image, SCENE.trimap, rtol=1e-12, maxiter=1)
    assert warned[0].filename == __file__


def test_labels_are_no_trimap():
    labels = np.array([0, 1, 2], np.uint8)[(SCENE.trimap * 2).astype(int)]
    with pytest.raises(ValueError, match="trimap has no value above 0.0078 of 1, .* labels such as 0, 1, 2 must be"):
        hybridmatte.solve_cf(SCENE.image, labels)
    with pytest.raises(ValueError, match="mask has no value above 0.0039 of 1"):
        hybridmatte.trimap_from_mask((labels == 2).astype(np.uint8))


def test_solve_by_name():
    assert np.array_equal(
        solve(SCENE.image, SCENE.trimap, "random_walk"), hybridmatte.solve_random_walk(SCENE.image, SCENE.trimap)
    )
    with pytest.raises(ValueError, match="method is 'best', expected 'cf' or"):
        solve(SCENE.image, SCENE.trimap, "best")


@st.composite
def scenes(draw):
    """A random small image with a random trimap that has foreground, background and unknown pixels."""
    height, width = draw(st.integers(5, 14)), draw(st.integers(5, 14))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = generator.random((height, width, 3)) * draw(st.sampled_from([0.05, 1.0]))
    trimap = generator.choice(
        [0.0, 0.5, 1.0],
        size=(height, width),
        p=draw(st.sampled_from([(0.1, 0.8, 0.1), (0.4, 0.2, 0.4), (0.02, 0.96, 0.02)])),
    )
    trimap.flat[:3] = generator.permutation([0.0, 0.5, 1.0])
    return image.astype(np.float32), trimap


INVARIANT = ("cf", "learning_based", "random_walk", "large_kernel")  # the others break ties by position


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(scene=scenes())
def test_sampled_scenes(name, scene):
    image, trimap = scene
    options = {"window_size": 5} if name in ("large_kernel", "nonlocal") else {}

    def solver(image, trimap):
        return getattr(hybridmatte, f"solve_{name}")(image, trimap, rtol=1e-9, **options)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alpha = solver(image, trimap)
    is_known = trimap != 0.5
    assert np.isfinite(alpha).all()
    assert 0.0 <= alpha.min() <= alpha.max() <= 1.0
    assert np.array_equal(alpha[is_known], trimap[is_known])
    if name in INVARIANT:
        for flip in (np.flipud, np.fliplr):
            assert np.abs(flip(solver(flip(image), flip(trimap))) - alpha).max() < 2e-3
