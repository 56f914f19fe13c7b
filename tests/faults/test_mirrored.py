"""What ties decide inside the methods is mirrored with the picture; `test_small_scenes` tests whole alphas."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from hybridmatte.linalg.threads import _settings
from hybridmatte.methods import _sampling_numba as rays
from hybridmatte.methods.shared_sampling import _rays, sample_alpha
from hybridmatte.similarity.features import centered_features_at
from hybridmatte.similarity.neighbors import NeighborTree
from hybridmatte.trimap import depth_inside
from tests.faults.scenes import TURNS, scenes, turned


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_samples_are_mirrored_up_to_rounding(turn):
    """Rays turned with (y mod 3, x mod 3), so that a mirrored picture was sampled along other rays."""
    for image, trimap in scenes(20, 3):
        for plane, other in zip(sample_alpha(image, trimap), sample_alpha(*turned(turn, image, trimap)), strict=True):
            assert np.abs(turn(plane) - other).max() < 1e-4


def test_a_reflection_reverses_the_turn_of_the_rays():
    directions = _rays(4, (9, 9))[0].tolist()
    for height, width in ((9, 9), (8, 9), (6, 11)):
        for y in range(height):
            for x in range(width):
                turn = rays._turn(y, x, height, width)
                own = sorted(directions[turn :: rays.N_TURNS])
                below = sorted([-dy, dx] for dy, dx in directions[rays._turn(height - 1 - y, x, height, width) :: 9])
                across = sorted([dx, dy] for dy, dx in directions[rays._turn(x, y, width, height) :: 9])
                assert own == below == across


def test_each_turn_occurs_in_the_interior_of_an_octant():
    turns = {rays._turn(y, x, 60, 60) for y in range(3, 6) for x in range(12, 15)}
    assert turns == set(range(9))


def test_neighbours_that_a_tie_decides_are_not_counted():
    """In a constant picture, 4 neighbours at the same distance compete for 2 places."""
    features = centered_features_at(np.full((9, 9, 3), 0.5, np.float32), np.arange(81), spatial_weight=1.0)
    found = NeighborTree(features).untied_among(np.array([40]), 7)
    assert found.counts.tolist() == [5]
    assert sorted(found.indices[0, :5].tolist()) == [31, 39, 40, 41, 49]
    assert NeighborTree(features).untied_among(np.array([40]), 9).counts.tolist() == [9]


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
def test_distances_in_feature_space_are_mirrored_to_the_bit(turn, rng):
    """Positions from 0 to 1 were rounded differently on the left and on the right, which decided between neighbours."""
    image = np.rint(rng.random((11, 14, 3)) * 4).astype(np.float32) / 4
    pixels = np.arange(11 * 14).reshape(11, 14)
    found = []
    for place, picture in ((pixels, image), (turn(pixels), turn(image))):
        features = centered_features_at(np.ascontiguousarray(picture), np.arange(11 * 14), spatial_weight=0.3)
        near = NeighborTree(features).nearest(np.ascontiguousarray(features.T), 12).distances
        found.append(near[np.argsort(place.ravel())])
    np.testing.assert_array_equal(*found)


def test_distance_transform_is_exact(rng):
    for _ in range(30):
        region = rng.random(rng.integers(1, 40, 2)) < rng.choice([0.5, 0.9, 0.99])
        region[0, 0] = False
        np.testing.assert_array_equal(depth_inside(region), distance_transform_edt(region).astype(np.float32))


@pytest.mark.parametrize("shape", [(300, 400), (1, 20000), (20000, 1)])
def test_distance_transform_on_many_threads(rng, shape, monkeypatch):
    """Columns and rows are divided among the threads; some columns are wholly inside the region."""
    region = rng.random(shape) < 0.999
    region[:, : shape[1] // 3] = True
    region[-1, -1] = False
    expected = distance_transform_edt(region).astype(np.float32)
    for limit in (1, 2, 7):
        monkeypatch.setattr(_settings, "limit", limit)
        np.testing.assert_array_equal(depth_inside(region), expected)
