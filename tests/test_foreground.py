import subprocess
import sys

import numpy as np
import pytest

from hybridmatte.correction import matting as solver_fusion
from hybridmatte.foreground import composite, cutout, decontaminate, estimate_foreground, estimate_layers


def two_layers(shape=(24, 40)):
    """Two smooth layers, a ramp of alpha between them, and their composite."""
    y, x = np.mgrid[: shape[0], : shape[1]] / max(shape)
    foreground = np.stack([0.8 + 0 * y, 0.4 + 0.2 * y, 0.2 + 0.1 * x], axis=2)
    background = np.stack([0.1 + 0.1 * x, 0.3 + 0 * y, 0.6 + 0.2 * y], axis=2)
    alpha = np.clip(3 * x - 1, 0, 1)
    return composite(foreground, alpha, background), alpha, foreground, background


def test_smooth_layers_are_recovered():
    image, alpha, foreground, background = two_layers()
    layers = estimate_layers(image, alpha)
    # smoothness, not truth, fixes the layers in the mixed region: measured 0.03 and 0.03
    assert np.abs(layers.foreground - foreground)[alpha > 0.1].max() < 0.06
    assert np.abs(layers.background - background)[alpha < 0.9].max() < 0.06
    np.testing.assert_array_equal(estimate_foreground(image, alpha), layers.foreground)


def test_layers_compose_the_image_again():
    image, alpha, *_ = two_layers()
    layers = estimate_layers(image, alpha)
    assert np.abs(composite(layers.foreground, alpha, layers.background) - image).max() < 0.01


def test_foreground_is_not_the_polluted_image():
    image, alpha, foreground, _ = two_layers()
    mixed = (alpha > 0.2) & (alpha < 0.8)
    ours = np.abs(estimate_foreground(image, alpha) - foreground)[mixed].mean()
    assert ours < 0.1 * np.abs(image - foreground)[mixed].mean()


def test_layers_are_flip_invariant_in_range_and_input_kept():
    image, alpha, *_ = two_layers()
    before = image.copy()
    layers = estimate_layers(image, alpha)
    np.testing.assert_array_equal(image, before)
    for layer in layers:
        assert layer.dtype == np.float32
        assert layer.min() >= 0
        assert layer.max() <= 1
    swapped = estimate_layers(image[:, :, ::-1], alpha)
    np.testing.assert_allclose(swapped.foreground, layers.foreground[:, :, ::-1], atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (2, 3)])
def test_tiny_images(shape):
    layers = estimate_layers(np.full((*shape, 3), 0.25), np.ones(shape))
    for layer in layers:
        assert layer.shape == (*shape, 3)
    np.testing.assert_allclose(layers.foreground, 0.25, atol=1e-4)


@pytest.mark.peer
@pytest.mark.slow
def test_same_answer_as_pymatting():  # imports all of it, half a minute of compilation the first time
    image, alpha, *_ = two_layers()
    expected = pytest.importorskip("pymatting").estimate_foreground_ml(image, alpha)
    np.testing.assert_allclose(estimate_foreground(image, alpha), np.clip(expected, 0, 1), atol=1e-6)


def test_only_one_file_of_pymatting_is_loaded():
    code = ("import sys, numpy as np, hybridmatte;"
            "hybridmatte.estimate_foreground(np.zeros((4, 5, 3)), np.ones((4, 5)));"
            "print(sorted(name for name in sys.modules if name.startswith('pymatting')))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['pymatting.foreground.estimate_foreground_ml']"


@pytest.mark.parametrize("background", [(0.2, 0.4, 0.6), [0.2, 0.4, 0.6], np.float64([0.2, 0.4, 0.6])])
def test_composite_over_a_colour(rng, background):
    foreground, alpha = rng.random((5, 7, 3)), rng.random((5, 7))
    expected = alpha[..., None] * foreground + (1 - alpha[..., None]) * [0.2, 0.4, 0.6]
    result = composite(foreground, alpha, background)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


def test_composite_at_both_ends(rng):
    foreground, background = rng.random((2, 5, 7, 3), dtype=np.float32)
    np.testing.assert_array_equal(composite(foreground, np.ones((5, 7)), background), foreground)
    np.testing.assert_array_equal(composite(foreground, np.zeros((5, 7)), background), background)


@pytest.mark.parametrize(("call", "match"), [
    pytest.param(lambda i, a: estimate_layers(i, a.T), "its transpose", id="transposed alpha"),
    pytest.param(lambda i, a: estimate_foreground(i * np.nan, a), "NaN", id="NaN image"),
    pytest.param(lambda i, a: composite(i, a.T, (0, 0, 0)), "its transpose", id="transposed alpha in composite"),
    pytest.param(lambda i, a: composite(i, a, i[1:]), "background has shape", id="smaller background"),
    pytest.param(lambda i, a: composite(i, a, (0, 0, 2)), "background has floating-point values", id="colour range"),
    pytest.param(lambda i, a: composite(i, a, (0, 0)), "background has shape", id="two numbers"),
])
def test_bad_input(call, match):
    with pytest.raises(ValueError, match=match):
        call(np.zeros((4, 6, 3)), np.ones((4, 6)))


def test_an_alpha_of_nothing_is_warned_of(rng):
    with pytest.warns(UserWarning, match="alpha is 0 everywhere, so nothing is cut out"):
        decontaminate(rng.random((5, 6, 3)), np.zeros((5, 6)))


def test_cutout_is_alpha_and_foreground(scene, monkeypatch):
    asked = []

    def solve(image, trimap, method=None, quality=None):
        assert image.shape[:2] == trimap.shape
        asked.append((method, quality))
        return scene.alpha

    monkeypatch.setattr(solver_fusion, "matte_by", solve)
    result = cutout(scene.image, scene.trimap)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result[:, :, 3], scene.alpha)
    np.testing.assert_array_equal(result[:, :, :3], estimate_foreground(scene.image, scene.alpha))
    cutout(scene.image, scene.trimap, method="knn")
    cutout(scene.image, scene.trimap, quality="fast")
    assert asked == [(None, None), ("knn", None), (None, "fast")]
