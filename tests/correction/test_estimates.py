"""The estimates of a whole image, which keep samples for unknown pixels alone, against those in planes."""

import numpy as np
import pytest

from hybridmatte import sample_alpha
from hybridmatte.correction.estimates import solver_estimates
from hybridmatte.correction.passes import correct_once
from hybridmatte.correction.weights import load_correction_network
from hybridmatte.systems.problem import check_problem


@pytest.fixture(scope="module")
def estimates(fur):
    return solver_estimates(check_problem(fur.image, fur.trimap))


def test_planes_hold_the_samples_of_all_pixels(estimates):
    planes = estimates.planes()
    samples = sample_alpha(estimates.image, estimates.known, expansion=0.0)
    expected = np.concatenate([np.moveaxis(np.atleast_3d(plane), 2, 0) for plane in samples])
    np.testing.assert_array_equal(planes.samples, expected)
    np.testing.assert_array_equal(planes.image, np.moveaxis(estimates.image, 2, 0))
    for name in ("known", "alpha", "distances"):
        np.testing.assert_array_equal(getattr(planes, name), getattr(estimates, name))


@pytest.mark.parametrize("shift", [0, 7, 20])
def test_a_rectangle_is_that_of_the_planes(estimates, shift):
    """Also one without unknown pixels, and one of a single row and column."""
    height, width = estimates.known.shape
    rectangles = [
        (slice(shift, height - shift), slice(shift // 2, width - shift)),
        (slice(height // 2, height // 2 + 1), slice(shift, shift + 1)),
        (slice(0, 1), slice(0, width)),
    ]
    for rows, columns in rectangles:
        for found, expected in zip(estimates.crop(rows, columns), estimates.planes().crop(rows, columns), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_both_are_corrected_alike(estimates):
    network = load_correction_network()
    for found, expected in zip(
        correct_once(estimates, network), correct_once(estimates.planes(), network), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
