"""Pixel features against the plain loop and the standard library's HSV."""

import colorsys

import numpy as np
import pytest

from baselines.knn import knn_features
from hybridmatte.similarity.features import centered_features_at, pixel_features
from tests.tolerances import assert_close


def test_rgb_features_equal_the_loop(rng):
    image = rng.random((5, 8, 3)).astype(np.float32)
    assert_close(pixel_features(image, spatial_weight=0.3).T, knn_features(image, 0.3).astype(np.float32))


def test_hsv_features_equal_the_standard_library(rng):
    image = rng.integers(0, 4, (9, 11, 3)).astype(np.float32) / 3  # many greys and equal channels
    features = pixel_features(image, color_space="hsv")
    for color, (cosine, sine, saturation, value, *_) in zip(image.reshape(-1, 3), features.T, strict=True):
        hue, s, v = colorsys.rgb_to_hsv(*color.astype(float))
        expected = [np.cos(2 * np.pi * hue), np.sin(2 * np.pi * hue), s, v]
        assert_close(np.array([cosine, sine, saturation, value]), np.array(expected, np.float32))


@pytest.mark.parametrize("color_space", ["rgb", "hsv"])
def test_features_of_some_pixels_are_columns_of_all(color_space, rng):
    image, pixels = rng.random((7, 9, 3), np.float32), np.array([62, 0, 5, 5, 31])
    some = centered_features_at(image, pixels, spatial_weight=0.7, color_space=color_space)
    every = centered_features_at(image, np.arange(63), spatial_weight=0.7, color_space=color_space)
    np.testing.assert_array_equal(some, every[:, pixels])
    uncentered = pixel_features(image, spatial_weight=0.7, color_space=color_space)
    np.testing.assert_array_equal(every[:-2], uncentered[:-2])
    assert_close(every[-2:], uncentered[-2:] - np.float32(0.35))


def test_bad_color_space():
    with pytest.raises(ValueError, match="color_space is 'lab', expected 'rgb' or 'hsv'"):
        pixel_features(np.zeros((2, 2, 3)), color_space="lab")
