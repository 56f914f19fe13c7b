"""Metrics: properties of every metric, values computed by hand, and a pixel-by-pixel oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import baselines.metrics as oracle
from hybridmatte.metrics import connectivity_error, gradient_error, mad, mse, sad, trimap_scores
from tests.synthetic import soft_disk
from tests.tolerances import assert_close

METRICS = [pytest.param(metric, id=metric.__name__) for metric in (sad, mad, mse, gradient_error, connectivity_error)]
SHAPE = (13, 29)

ORACLES = {
    sad: lambda *args: oracle.absolute_difference(*args)[0],
    mad: lambda *args: oracle.absolute_difference(*args)[1],
    mse: oracle.squared_difference,
    gradient_error: oracle.gradient_error,
    connectivity_error: oracle.connectivity_error,
}


@pytest.fixture
def noisy(scene, rng):
    """Return a wrong alpha for the scene, with islands and holes."""
    return np.clip(scene.alpha + 0.3 * rng.standard_normal(scene.alpha.shape), 0, 1).astype(np.float32)


@pytest.mark.parametrize("metric", METRICS)
class TestEveryMetric:
    def test_zero_for_the_true_alpha(self, metric, scene):
        assert metric(scene.alpha, scene.alpha, scene.trimap) == 0.0

    def test_symmetric_and_positive(self, metric, scene, noisy):
        error = metric(noisy, scene.alpha, scene.trimap)
        assert isinstance(error, float)
        assert error > 0.0
        assert metric(scene.alpha, noisy, scene.trimap) == pytest.approx(error, rel=1e-6)

    def test_unchanged_by_transposition_and_flips(self, metric, scene, noisy):
        error = metric(noisy, scene.alpha, scene.trimap)
        flipped = metric(noisy[::-1], scene.alpha[::-1], scene.trimap[::-1])
        turned = metric(noisy.T, scene.alpha.T, scene.trimap.T)
        assert [flipped, turned] == pytest.approx([error, error], rel=1e-5)

    @pytest.mark.parametrize("region", ["unknown", "whole"])
    def test_oracle(self, metric, region, scene, noisy):
        is_region = (scene.trimap == 0.5) | (region == "whole")
        expected = ORACLES[metric](noisy, scene.alpha, is_region)
        assert_close(metric(noisy, scene.alpha, scene.trimap, region=region), expected, 1e-5)  # float32 inside

    def test_region_matters(self, metric, scene, noisy):
        unknown = metric(noisy, scene.alpha, scene.trimap)
        assert metric(noisy, scene.alpha, region="whole") != pytest.approx(unknown, rel=1e-3)
        assert metric(noisy, scene.alpha, scene.trimap, region="whole") == metric(noisy, scene.alpha, region="whole")

    def test_integers_are_scaled(self, metric, scene, noisy):
        planes = [np.rint(255 * plane).astype(np.uint8) for plane in (noisy, scene.alpha, scene.trimap)]
        floats = [plane / 255 for plane in planes]
        assert metric(*planes) == pytest.approx(metric(*floats), rel=1e-6)

    def test_inputs_are_not_modified(self, metric, scene, noisy):
        before = noisy.copy(), scene.alpha.copy()
        metric(noisy, scene.alpha, scene.trimap)
        assert np.array_equal(noisy, before[0])
        assert np.array_equal(scene.alpha, before[1])

    def test_position_of_the_region_does_not_matter(self, metric):
        """One wrong unknown pixel among known pixels gives the same error at every position."""
        errors = []
        for column in (8, 14, 20):
            target = np.zeros(SHAPE)
            alpha, trimap = target.copy(), np.zeros(SHAPE)
            alpha[6, column], trimap[6, column] = 0.5, 0.5
            errors.append(metric(alpha, target, trimap))
        assert errors == pytest.approx([errors[0]] * 3, rel=1e-6)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            pytest.param({"target": np.zeros((29, 13))}, r"target has shape \(29, 13\) but alpha has", id="transposed"),
            pytest.param({"trimap": np.zeros((13, 28))}, "trimap has shape", id="trimap of another size"),
            pytest.param({"alpha": np.full(SHAPE, np.nan)}, "alpha has 377 NaN or infinite", id="NaN"),
            pytest.param({"alpha": np.full(SHAPE, 1.5)}, "alpha has floating-point values from 1.5", id="out of range"),
            pytest.param({"target": np.zeros((*SHAPE, 3))}, "target has shape", id="colour"),
            pytest.param({"trimap": None}, "trimap is None, expected a trimap", id="no trimap"),
            pytest.param({"trimap": np.zeros(SHAPE)}, "trimap has no unknown pixel", id="all known"),
            pytest.param({"region": "edges"}, "region is 'edges', expected 'unknown' or 'whole'", id="region"),
        ],
    )
    def test_bad_input(self, metric, change, message):
        inputs = {"alpha": np.zeros(SHAPE), "target": np.zeros(SHAPE), "trimap": np.full(SHAPE, 0.5), **change}
        with pytest.raises(ValueError, match=message):
            metric(**inputs)


@settings(max_examples=30)
@given(
    alpha=arrays(np.float32, (7, 9), elements=st.floats(0, 1, width=32)),
    target=arrays(np.float32, (7, 9), elements=st.floats(0, 1, width=32)),
)
def test_bounds_and_order(alpha, target):
    """MSE <= MAD <= 1, SAD is MAD times the number of pixels, and MAD^2 <= MSE."""
    total, mean, squared = (metric(alpha, target, region="whole") for metric in (sad, mad, mse))
    assert 0.0 <= squared <= mean + 1e-12
    assert mean <= 1.0
    assert total == pytest.approx(63 * mean)
    assert mean**2 <= squared + 1e-6  # squared in float32
    assert connectivity_error(alpha, target, region="whole") >= 0.0


@settings(max_examples=30)
@given(levels=arrays(np.uint8, (2, 6, 7), elements=st.integers(0, 5)))
def test_connectivity_of_tied_components(levels):
    """Few levels on few pixels make components of equal size; the first in row-major order is the body."""
    alpha, target = levels.astype(np.float32) / 5
    expected = oracle.connectivity_error(alpha, target, np.ones((6, 7), dtype=bool))
    assert_close(connectivity_error(alpha, target, region="whole"), expected, 1e-5)


def test_by_hand():
    alpha, target = np.array([[0.0, 0.5, 1.0, 0.25]]), np.array([[0.0, 1.0, 1.0, 0.0]])
    trimap = np.array([[0.0, 0.5, 1.0, 0.5]])
    assert sad(alpha, target, trimap) == 0.75
    assert mad(alpha, target, trimap) == 0.375
    assert mse(alpha, target, trimap) == (0.25 + 0.0625) / 2
    assert mad(alpha, target, region="whole") == 0.1875


def test_gradient_of_a_step_by_hand():
    """Straight edges: |grad| is the cumulative sum of the row sums of the filter, x exp(-x^2 / 2 s^2) of unit norm."""
    x = np.arange(-4, 5)
    gauss = np.exp(-(x**2) / (2 * 1.4**2))
    filter_x = np.outer(gauss, x * gauss)
    taps = filter_x.sum(axis=0) / np.linalg.norm(filter_x)
    profile = np.array([taps[max(4 - k, 0) :].sum() if k >= 0 else taps[4 - k :].sum() for k in range(-4, 4)])
    step = np.zeros((15, 24))
    step[:, 12:] = 1.0
    expected = 15 * np.sum(profile**2)
    assert gradient_error(step, np.zeros_like(step), region="whole") == pytest.approx(expected, rel=1e-5)
    assert gradient_error(step, 1.0 - step, region="whole") == pytest.approx(0.0, abs=1e-9)


def test_gradient_ignores_a_constant_offset():
    target = 0.5 * soft_disk().alpha
    assert gradient_error(target + 0.25, target, region="whole") == pytest.approx(0.0, abs=1e-9)


def test_connectivity_by_hand():
    """A body of three pixels, an island of 0.6 in alpha alone, and a pixel less than theta above its level."""
    target = np.array([[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]])
    alpha = np.array([[1.0, 1.0, 0.9, 0.0, 0.6, 0.1]])
    # Column 2 is not in the body at level 1.0, so l = 0.9: d is 0 for alpha, and 0.1 < 0.15 for the target. Column 4 is
    # never in the body, so l = 0: d is 0.6 for alpha and 0 for the target. In column 5, d is 0.1 and ignored.
    assert connectivity_error(alpha, target, region="whole") == pytest.approx(0.6)


def test_connectivity_ignores_small_differences_of_connected_pixels():
    """Next to the body, an alpha that is 0.14 too high costs nothing, and one that is 0.16 too high does."""
    target = np.array([[1.0, 1.0, 1.0, 0.5, 0.5]])
    alpha = np.array([[1.0, 1.0, 1.0, 0.64, 0.66]])
    assert connectivity_error(alpha, target, region="whole") == pytest.approx(0.16, abs=1e-6)


class TestTrimapScores:
    def test_counted_by_hand(self):
        trimap = np.array([[0, 0, 0.5, 0.5, 1, 1, 1, 0.5]])
        target = np.array([[0, 0.5, 0.5, 1, 1, 1, 0.5, 0]])
        scores = trimap_scores(trimap, target)
        assert scores == pytest.approx(
            {
                "accuracy": 4 / 8,
                "iou_background": 1 / 3,
                "iou_unknown": 1 / 5,
                "iou_foreground": 2 / 4,
                "iou": (1 / 3 + 1 / 5 + 2 / 4) / 3,
            }
        )

    def test_region_that_neither_trimap_has(self):
        scores = trimap_scores(np.ones((2, 2)), np.ones((2, 2)))
        assert scores["accuracy"] == scores["iou"] == scores["iou_foreground"] == 1
        assert np.isnan(scores["iou_unknown"])

    def test_shapes(self):
        with pytest.raises(ValueError, match="target has shape"):
            trimap_scores(np.ones((2, 2)), np.ones((2, 3)))
