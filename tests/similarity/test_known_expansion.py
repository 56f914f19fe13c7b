"""Expansion of the known regions: against the oracle, and the rule's properties."""

import numpy as np
import pytest

import baselines.known_expansion
from hybridmatte.similarity.known_expansion import expand_known
from tests.synthetic import soft_disk


@pytest.mark.parametrize(
    ("radius", "color_distance"), [(12.0, 12 / 255), (5.5, 0.1), (3.0, 0.5), (1.0, 0.2), (0.5, 1.0), (0.0, 1.0)]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_equals_the_oracle(radius, color_distance, seed):
    scene = soft_disk((23, 31), noise=0.03, seed=seed)
    image = np.round(scene.image.astype(np.float64) * 255) / 255
    expanded = expand_known(image, scene.trimap, radius=radius, color_distance=color_distance)
    expected = baselines.known_expansion.expand_known(image, scene.trimap, radius, color_distance)
    assert np.array_equal(expanded, expected)


def test_random_labels_equal_the_oracle(rng):
    image, trimap = rng.random((13, 29, 3)).astype(np.float32), rng.choice([0.0, 0.5, 0.5, 1.0], (13, 29))
    expanded = expand_known(image, trimap, radius=4.0, color_distance=0.6)
    assert np.array_equal(expanded, baselines.known_expansion.expand_known(image, trimap, 4.0, 0.6))


def test_known_pixels_keep_their_label_and_options_matter(rng):
    image, trimap = rng.random((13, 29, 3)), rng.choice([0.0, 0.5, 1.0], (13, 29))
    counts = []
    for options in ({}, {"radius": 30.0}, {"color_distance": 0.8}, {"radius": 0.0}):
        expanded = expand_known(image, trimap, **options)
        assert np.array_equal(expanded[trimap != 0.5], trimap[trimap != 0.5])
        counts.append(np.count_nonzero(expanded == 0.5))
    assert counts[0] >= counts[1]
    assert counts[2] < counts[0] <= counts[3] == np.count_nonzero(trimap == 0.5)


@pytest.mark.parametrize("axis", [0, 1])
def test_flips(axis, rng):
    image, trimap = rng.integers(0, 4, (12, 15, 3)) / 3, rng.choice([0.0, 0.5, 1.0], (12, 15))
    expanded = expand_known(image, trimap, color_distance=0.9)
    flipped = expand_known(np.flip(image, axis), np.flip(trimap, axis), color_distance=0.9)
    assert np.array_equal(np.flip(flipped, axis), expanded)


def test_a_tie_stays_unknown():
    trimap = np.array([[0.0, 0.5, 1.0]])
    assert expand_known(np.zeros((1, 3, 3)), trimap)[0, 1] == 0.5
    assert expand_known(np.array([0, 0.01, 0.03])[None, :, None] * np.ones(3), trimap)[0, 1] == 0.0


def test_a_tie_is_decided_at_the_next_distance():
    image = np.array([0, 0, 0, 0, 0.02])[None, :, None] * np.ones(3)
    assert expand_known(image, np.array([[0.0, 0.0, 0.5, 1.0, 1.0]]))[0, 2] == 0.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radius": -1.0}, "radius is -1.0, expected a finite number at least 0"),
        ({"color_distance": np.nan}, "color_distance is nan, expected a finite number"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        expand_known(np.zeros((4, 5, 3)), np.full((4, 5), 0.5), **options)
