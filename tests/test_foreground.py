import subprocess
import sys

import cv2
import numpy as np
import pytest

import hybridmatte
from baselines import foreground as oracle
from hybridmatte import _foreground_numba as kernels
from hybridmatte import foreground as module
from hybridmatte._validation import check_image
from hybridmatte.foreground import composite, cutout, decontaminate, estimate_foreground, estimate_layers
from hybridmatte.linalg.threads import thread_count, thread_limit
from tests.synthetic import soft_disk
from tests.tolerances import assert_close


def two_layers(shape=(24, 40)):
    """Two smooth layers, a ramp of alpha between them, and their composite."""
    y, x = np.mgrid[: shape[0], : shape[1]] / max(shape)
    foreground = np.stack([0.8 + 0 * y, 0.4 + 0.2 * y, 0.2 + 0.1 * x], axis=2)
    background = np.stack([0.1 + 0.1 * x, 0.3 + 0 * y, 0.6 + 0.2 * y], axis=2)
    alpha = np.clip(3 * x - 1, 0, 1)
    return composite(foreground, alpha, background), alpha, foreground, background


def hairy_alpha(shape, *, seed=3):
    """An ellipse with 120 fine hairs around it, drawn with soft edges; (H, W) float32 with values between 0 and 1."""
    rng = np.random.default_rng(seed)
    height, width = shape
    plane = np.zeros(shape, np.uint8)
    centre = width // 2, height // 2
    cv2.ellipse(plane, centre, (width // 5, height // 4), 0, 0, 360, 255, -1, cv2.LINE_AA)
    for angle in rng.uniform(0, 2 * np.pi, 120):
        bend, length = rng.uniform(-0.5, 0.5), rng.uniform(1.2, 1.9)
        t = np.linspace(0.9, length, 12)
        x = centre[0] + width / 5 * t * np.cos(angle + bend * (t - 0.9))
        y = centre[1] + height / 4 * t * np.sin(angle + bend * (t - 0.9))
        points = np.round(16 * np.stack([x, y], axis=1)).astype(np.int32)
        cv2.polylines(plane, [points], False, int(rng.integers(90, 256)), 1, cv2.LINE_AA, shift=4)
    return cv2.GaussianBlur(plane, (3, 3), 0.6).astype(np.float32) / np.float32(255)


def known_layers(name, shape):
    """Return true foreground and background of a test scene, (H, W, 3) float32 in [0, 1]."""
    if "photograph" in name:
        datasets = pytest.importorskip("sklearn.datasets", reason="needs scikit-learn's photographs, extra 'test'")
        pair = [
            cv2.resize(datasets.load_sample_image(file), shape[::-1], interpolation=cv2.INTER_AREA)
            for file in ("flower.jpg", "china.jpg")
        ]
        pair = [np.float32(picture) / np.float32(255) for picture in pair]
        return pair[::-1] if name == "photographs, exchanged" else pair
    y, x = np.mgrid[: shape[0], : shape[1]]
    u, v = (y / shape[0])[..., None], (x / shape[1])[..., None]
    if name == "chequers and stripes":
        is_dark = ((x // 7 + y // 7) % 2 == 0)[..., None]
        foreground = np.where(is_dark, [0.7, 0.6, 0.2], [0.9, 0.2, 0.1])
        background = (0.5 + 0.2 * np.sin(x / 3 + y / 5))[..., None] * [0.3, 0.9, 0.8]
    else:
        foreground = [0.8, 0.4, 0.2] + u * [0, 0.2, 0.1] + v * [0.1, 0, 0.2]
        background = [0.1, 0.3, 0.4] + v * [0.1, 0, 0] + u * [0, 0, 0.5]
    noise = 0.03 if name == "noise" else 0.0  # like a grainy photograph
    noise = noise * np.random.default_rng(7).standard_normal((2, *shape, 3))
    return np.float32(np.clip(foreground + noise[0], 0, 1)), np.float32(np.clip(background + noise[1], 0, 1))


def test_smooth_layers_are_recovered():
    image, alpha, foreground, background = two_layers()
    layers = estimate_layers(image, alpha)
    # the smoothness term, not the truth, determines the layers at mixed pixels: measured 0.03 and 0.03
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


def test_channels_are_independent_values_in_range_and_input_kept():
    image, alpha, *_ = two_layers()
    before = image.copy(), alpha.copy()
    layers = estimate_layers(image, alpha)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(alpha, before[1])
    for layer in layers:
        assert layer.dtype == np.float32
        assert layer.min() >= 0
        assert layer.max() <= 1
    swapped = estimate_layers(image[:, :, ::-1], alpha)
    np.testing.assert_allclose(swapped.foreground, layers.foreground[:, :, ::-1], atol=1e-5)


def relaxed(image, alpha, layers, iterations):
    """Update layers (two (H, W, 3)) at full size by the kernel, and return them."""
    layers = [layer.copy() for layer in layers]
    for _ in range(iterations):
        for colour in (0, 1):
            kernels.relax_rows(0, len(alpha), image, alpha, *layers, colour, np.float32(1.4), True)
    return layers


def test_relaxation_converges_to_the_minimum():
    scene = soft_disk()
    for result, exact in zip(
        relaxed(scene.image, scene.alpha, estimate_layers(scene.image, scene.alpha), 3000),
        oracle.estimate_layers(scene.image, scene.alpha),
        strict=True,
    ):
        assert_close(result, exact)


def test_few_iterations_are_near_the_minimum():
    scene = soft_disk((61, 83))
    mixed = (scene.alpha > 0) & (scene.alpha < 1)
    for result, exact in zip(
        estimate_layers(scene.image, scene.alpha), oracle.estimate_layers(scene.image, scene.alpha), strict=True
    ):
        assert np.abs(result - exact)[mixed].mean() < 0.0025  # measured 0.0017 and 0.0014


@pytest.mark.parametrize(("dtype", "bits"), [(np.uint8, 8), (np.uint16, 16), (np.float32, 16), (np.float64, 16)])
def test_exactly_the_images_colours_where_nothing_is_mixed(dtype, bits, rng, tmp_path):
    """Also beside an edge, and after the cut-out is written and read again."""
    alpha = hairy_alpha((90, 120))
    image = rng.random((90, 120, 3))
    if np.dtype(dtype).kind == "u":
        image = np.round(image * np.iinfo(dtype).max)
        alpha = np.round(alpha * np.iinfo(dtype).max)
    image, alpha = image.astype(dtype), alpha.astype(dtype)
    opaque, clear = alpha == alpha.max(), alpha == 0
    assert 500 < opaque.sum() < 5000
    layers = estimate_layers(image, alpha)
    expected = check_image(image)
    np.testing.assert_array_equal(layers.foreground[opaque], expected[opaque])
    np.testing.assert_array_equal(layers.background[clear], expected[clear])
    hybridmatte.write_image(tmp_path / "cut.png", decontaminate(image, alpha), bits=bits)
    hybridmatte.write_image(tmp_path / "image.png", image, bits=bits)
    cut, whole = (
        cv2.imread(str(tmp_path / file), cv2.IMREAD_UNCHANGED)[:, :, 2::-1] for file in ("cut.png", "image.png")
    )
    np.testing.assert_array_equal(cut[opaque], whole[opaque])
    if np.dtype(dtype).kind == "u":
        np.testing.assert_array_equal(cut[opaque], image[opaque])


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1), (2, 3), (1, 40000), (40000, 1), (3, 700)], ids=str)
@pytest.mark.parametrize("kind", ["zeros", "ones", "half", "random"])
def test_every_shape_and_alpha_gives_finite_layers(shape, kind, rng):
    alpha = {"zeros": np.zeros(shape), "ones": np.ones(shape), "half": np.full(shape, 0.5), "random": rng.random(shape)}
    image = rng.random((*shape, 3), dtype=np.float32)
    layers = estimate_layers(image, alpha[kind])
    for layer in layers:
        assert layer.shape == (*shape, 3)
        assert layer.dtype == np.float32
        assert np.isfinite(layer).all()
        assert layer.min() >= 0
        assert layer.max() <= 1
    if kind in ("zeros", "ones"):
        np.testing.assert_array_equal(layers[kind == "zeros"], image)
    if kind == "half":
        assert np.abs(composite(layers.foreground, alpha[kind], layers.background) - image).max() < 0.05


def test_constant_image_gives_constant_layers():
    alpha = hairy_alpha((50, 70))
    for layer in estimate_layers(np.full((50, 70, 3), 0.25), alpha):
        np.testing.assert_allclose(layer, 0.25, atol=1e-5)


def test_same_bits_for_any_number_of_threads(rng):
    image, alpha = rng.random((211, 173, 3), dtype=np.float32), hairy_alpha((211, 173))
    expected = estimate_layers(image, alpha)
    for threads in {1, thread_count()}:
        with thread_limit(threads):
            for layer, other in zip(estimate_layers(image, alpha), expected, strict=True):
                np.testing.assert_array_equal(layer, other)


@pytest.mark.peer
@pytest.mark.slow
class TestAgainstPyMatting:
    """Importing PyMatting compiles all its solvers the first time, which takes half a minute."""

    @pytest.fixture(autouse=True)
    def _peer(self):
        pytest.importorskip("pymatting", reason="needs PyMatting, extra 'test'")
        from baselines.peers import pymatting

        self.peer = pymatting

    @pytest.mark.parametrize(
        "name", ["smooth", "noise", "chequers and stripes", "photographs", "photographs, exchanged"]
    )
    @pytest.mark.parametrize("shape", [(240, 320), (427, 640)], ids=str)
    def test_error_is_not_larger(self, name, shape):
        """Mean absolute error of the foreground where alpha is above 0, and at the mixed pixels alone."""
        foreground, background = known_layers(name, shape)
        alpha = hairy_alpha(shape)
        image = composite(foreground, alpha, background)
        ours = np.abs(estimate_foreground(image, alpha) - foreground)
        theirs = np.abs(self.peer.estimate_layers(image, alpha)[0] - foreground)
        for region in (alpha > 0, (alpha > 0) & (alpha < 1)):
            assert ours[region].mean() <= 1.02 * theirs[region].mean()


def test_pymatting_is_not_imported():
    code = (
        "import sys, numpy as np, hybridmatte;"
        "hybridmatte.estimate_foreground(np.zeros((4, 5, 3)), np.ones((4, 5)));"
        "print([name for name in sys.modules if name.startswith('pymatting')])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


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


@pytest.mark.parametrize(
    ("call", "match"),
    [
        pytest.param(lambda i, a: estimate_layers(i, a.T), "its transpose", id="transposed alpha"),
        pytest.param(lambda i, a: estimate_foreground(i * np.nan, a), "NaN", id="NaN image"),
        pytest.param(lambda i, a: composite(i, a.T, (0, 0, 0)), "its transpose", id="transposed alpha in composite"),
        pytest.param(lambda i, a: composite(i, a, i, fit="crop"), "fit is 'crop', expected", id="unknown fit"),
        pytest.param(
            lambda i, a: composite(i, a, (0, 0, 2)), "background has floating-point values", id="colour range"
        ),
        pytest.param(lambda i, a: composite(i, a, (0, 0)), "background has shape", id="two numbers"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises(ValueError, match=match):
        call(np.zeros((4, 6, 3)), np.ones((4, 6)))


def behind(picture, shape, fit=None):
    """Return what is seen of a background behind a transparent foreground of that shape."""
    options = {} if fit is None else {"fit": fit}
    return composite(np.ones((*shape, 3)), np.zeros(shape), picture, **options)


@pytest.mark.parametrize("fit", [None, "cover", "contain", "stretch"])
def test_a_background_of_the_same_size_is_taken_as_it_is(rng, fit):
    picture = rng.random((5, 8, 3), dtype=np.float32)
    np.testing.assert_array_equal(behind(picture, (5, 8), fit), picture)


@pytest.mark.parametrize("shape", [(20, 60), (60, 20), (7, 5), (1, 1)], ids=str)
@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
def test_one_colour_stays_one_colour(shape, fit):
    seen = behind(np.full((*shape, 3), 0.25), (11, 13), fit)
    is_shown = seen.any(axis=2)
    assert np.abs(seen[is_shown] - 0.25).max() < 1e-6
    assert is_shown.any()
    assert fit == "contain" or is_shown.all()


@pytest.mark.parametrize("scale", [2, 1, 0.5], ids=["larger", "equal", "smaller"])
def test_cover_crops_both_sides_alike_and_contain_shows_all(scale):
    """A picture of twice the width: its left quarter is red, its right quarter is blue, the middle is green."""
    side = int(40 * scale)
    picture = np.zeros((side, 2 * side, 3))
    picture[:, : side // 2, 0] = picture[:, side // 2 : -(side // 2), 1] = picture[:, -(side // 2) :, 2] = 1
    np.testing.assert_allclose(behind(picture, (40, 40)), np.full((40, 40, 3), (0, 1, 0)), atol=0.51)
    assert (behind(picture, (40, 40))[:, 1:-1] == (0, 1, 0)).all()
    contained = behind(picture, (40, 40), "contain")
    assert (contained[:10] == 0).all()
    assert (contained[-10:] == 0).all()
    for column, colour in ((4, (1, 0, 0)), (20, (0, 1, 0)), (35, (0, 0, 1))):
        assert (contained[10:-10, column] == colour).all()
    stretched = behind(picture, (40, 40), "stretch")
    for column, colour in ((4, (1, 0, 0)), (20, (0, 1, 0)), (35, (0, 0, 1))):
        assert (stretched[:, column] == colour).all()


def test_an_alpha_of_nothing_is_warned_of(rng):
    with pytest.warns(UserWarning, match="alpha is 0 everywhere, so nothing is cut out"):
        decontaminate(rng.random((5, 6, 3)), np.zeros((5, 6)))


def test_cutout_is_alpha_and_foreground(scene, monkeypatch):
    asked = []

    def solve(image, trimap, method=None, quality=None, weights="research"):
        assert image.shape[:2] == trimap.shape
        asked.append((method, quality, weights))
        return scene.alpha

    monkeypatch.setattr(module, "matte_by", solve)
    result = cutout(scene.image, scene.trimap)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result[:, :, 3], scene.alpha)
    np.testing.assert_array_equal(result[:, :, :3], estimate_foreground(scene.image, scene.alpha))
    cutout(scene.image, scene.trimap, method="knn")
    cutout(scene.image, scene.trimap, quality="fast")
    cutout(scene.image, scene.trimap, weights="free")
    expected = [(None, None, "research"), ("knn", None, "research"), (None, "fast", "research"), (None, None, "free")]
    assert asked == expected
