"""The pixels that are searched for neighbours."""

import numpy as np
import pytest

from hybridmatte.similarity.candidates import SPACING, candidate_pixels


def mask_of(is_unknown, *reaches):
    """Return the candidates as a mask."""
    mask = np.zeros(is_unknown.shape, bool)
    mask.ravel()[candidate_pixels(np.ascontiguousarray(is_unknown), *reaches)] = True
    return mask


def test_candidates_are_sparser_farther_from_the_unknown_pixels():
    """All pixels near the unknown one, then one of five of each row and column, then none."""
    is_unknown = np.zeros((201, 301), bool)
    is_unknown[100, 150] = True
    y, x = np.mgrid[-100:101, -150:151]
    distance = np.maximum(abs(y), abs(x))
    mask = mask_of(is_unknown, 3, 60)
    assert mask[distance <= 3].all()
    assert not mask[distance > 60].any()
    far = mask[104:161, 90:211]
    for axis in (0, 1):
        n = SPACING * (far.shape[axis] // SPACING)
        parts = np.moveaxis(far, axis, 0)[:n].reshape(n // SPACING, SPACING, -1).sum(axis=1)
        assert parts.max() <= 2  # where the pattern turns, in the middle of the image
        assert (parts == 1).mean() > 0.95
    np.testing.assert_array_equal(mask_of(is_unknown, 3)[distance <= 60], mask[distance <= 60])
    assert mask_of(is_unknown, 3)[distance > 60].mean() == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize("mirror", [np.fliplr, np.flipud, np.transpose])
@pytest.mark.parametrize("shape", [(50, 61), (64, 64), (71, 40)])
def test_mirrored_images_have_the_mirrored_candidates(mirror, shape, rng):
    is_unknown = rng.random(shape) < 0.002
    is_unknown[20, 30] = True
    for reaches in ((2,), (3.5, 12.2)):
        np.testing.assert_array_equal(mask_of(mirror(is_unknown), *reaches), mirror(mask_of(is_unknown, *reaches)))
