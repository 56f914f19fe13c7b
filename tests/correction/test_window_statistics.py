"""Means and covariances in windows around chosen pixels, against NumPy in each window."""

import cv2
import numpy as np
import pytest

from hybridmatte.correction import features, window_statistics
from hybridmatte.correction.estimates import SolverEstimates
from hybridmatte.correction.window_statistics import BORDER, WindowStatistics
from tests.tolerances import assert_close

RADII = (1, 5, BORDER)


@pytest.fixture(params=[(1, 1), (1, 7), (6, 1), (3, 5), (8, 9), (31, 40)], ids=str)
def chosen(request, rng):
    """Return planes of a shape and the chosen pixels: runs of all lengths, at the ends of rows, too."""
    planes = {name: rng.random(request.param, np.float32) for name in ("one", "other")}
    is_chosen = rng.random(request.param) < 0.7
    is_chosen[:, -1] = is_chosen[0] = True
    return planes, is_chosen


def windows(plane, is_chosen, r):
    """Return the window of radius r around each chosen pixel, in double precision."""
    return [
        np.float64(plane[max(y - r, 0) : y + r + 1, max(x - r, 0) : x + r + 1])
        for y, x in zip(*np.nonzero(is_chosen), strict=True)
    ]


@pytest.mark.parametrize("r", RADII)
def test_means_and_covariances(chosen, r):
    planes, is_chosen = chosen
    statistics = WindowStatistics(planes, is_chosen)
    ones, others = (windows(planes[name], is_chosen, r) for name in ("one", "other"))
    assert_close(statistics.mean("one", r), [one.mean() for one in ones], 1e-6)
    expected = [(one * other).mean() - one.mean() * other.mean() for one, other in zip(ones, others, strict=True)]
    assert_close(statistics.covariance("one", "other", r), expected, 1e-6)
    assert_close(statistics.variance("other", r), [other.var() for other in others], 1e-6)


def test_radii_that_are_announced_change_no_bit(chosen):
    """Announced radii are computed with the first one; others when they are asked for."""
    planes, is_chosen = chosen
    plain = WindowStatistics(planes, is_chosen)
    before = [plain.covariance("one", "other", r) for r in RADII[:2]], plain.mean("one", 1)
    together = WindowStatistics(planes, is_chosen, plain.radii())
    after = [together.covariance("one", "other", r) for r in RADII[:2]], together.mean("one", 1)
    for one, other in zip([*before[0], before[1]], [*after[0], after[1]], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(together.mean("one", BORDER), plain.mean("one", BORDER))


def test_values_and_slopes(chosen):
    planes, is_chosen = chosen
    statistics, plane = WindowStatistics(planes, is_chosen), planes["one"]
    np.testing.assert_array_equal(statistics.value("one"), plane[is_chosen])
    across, down = cv2.Sobel(plane, cv2.CV_32F, 1, 0), cv2.Sobel(plane, cv2.CV_32F, 0, 1)
    assert_close(statistics.slope(plane), np.hypot(across, down)[is_chosen], 1e-5)


def test_too_large_windows_are_refused(rng):
    statistics = WindowStatistics({"one": rng.random((4, 5), np.float32)}, np.ones((4, 5), bool))
    with pytest.raises(ValueError, match="r is 13, expected at most 12"):
        statistics.mean("one", 13)


def test_each_integral_image_of_the_features_is_made_once(rng, monkeypatch):
    """The radii of all windows are announced, so that no plane is summed once more."""
    planes = (rng.random((*channels, 9, 11), np.float32) for channels in ((3,), (), (), (8,), (2,)))
    expected = len(features._radii())
    made, kernels = [], window_statistics.kernels
    integrate = kernels.integrate_product
    monkeypatch.setattr(kernels, "integrate_product", lambda *arrays: (made.append(1), integrate(*arrays)))
    features.correction_features(SolverEstimates(*planes), rng.random((9, 11)) < 0.5)
    assert len(made) == expected
