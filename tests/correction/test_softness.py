"""Pictures are soft that show hardly anything in their unknown region that half their size does not."""

import itertools

import cv2
import numpy as np
import pytest

from hybridmatte.correction import softness
from hybridmatte.correction.softness import Blocks, fine_detail, is_soft
from tests.correction.soft_scenes import NOISE, blurred, enlarged, noisy, repeated


@pytest.fixture(scope="module")
def large(fur):
    """Return a sharp scene of 480 x 624 pixels."""
    return repeated(fur)


def finds_soft(scene):
    return is_soft(scene.image, scene.trimap == 0.5)


@pytest.mark.parametrize("sigma", [1.2, 1.5, 2])
@pytest.mark.parametrize("noise", [{"noise": 0.0}, {}, {"photons": 1e-5}])
def test_blurred(large, sigma, noise):
    assert finds_soft(blurred(large, sigma, **noise))


@pytest.mark.parametrize("noise", [0.0, NOISE])
@pytest.mark.parametrize("factor", [3, 3.3, 4])
def test_enlarged(large, factor, noise):
    assert finds_soft(enlarged(large, factor, noise=noise))


@pytest.mark.parametrize("noise", [0.0, NOISE])
@pytest.mark.parametrize("factor", [1, 1.2, 1.5, 2])
def test_sharp(large, factor, noise):
    assert not finds_soft(enlarged(large, factor, noise=noise))


@pytest.mark.parametrize("noise", [0.0, NOISE, 0.02])
def test_blurred_by_less_than_half_a_pixel(large, noise):
    assert not finds_soft(blurred(large, 0.5, noise=noise))


@pytest.mark.parametrize("factor", [2, 3.1])
def test_the_grid_of_the_pixels_does_not_matter(large, factor):
    """All positions of a picture on the grid of the pixels of half the size say the same, as do its mirror images."""
    scene = enlarged(large, factor)
    crops = [[plane[top:, left:] for plane in scene[:2]] for top, left in itertools.product(range(2), range(2))]
    crops += [[plane[::-1] for plane in scene[:2]], [plane[:, ::-1] for plane in scene[:2]]]
    assert {is_soft(np.ascontiguousarray(image), trimap == 0.5) for image, trimap in crops} == {factor > 3}


def test_what_is_partly_sharp_is_not_soft(large):
    """An eighth of the picture decides."""
    soft, columns = blurred(large, 1.5), large.trimap.shape[1] // 8
    assert finds_soft(soft)
    soft.image[:, :columns] = large.image[:, :columns]
    assert not finds_soft(soft)


def test_only_the_unknown_region_counts(large):
    """A soft outline before sharp surroundings, and a sharp one before soft surroundings."""
    soft, random = blurred(large, 1.5), noisy(np.full_like(large.image, 0.5), 0.2)
    is_near = cv2.dilate(np.uint8(soft.trimap == 0.5), np.ones((17, 17)))[:, :, None] > 0
    assert finds_soft(soft._replace(image=np.where(is_near, soft.image, random)))
    assert not finds_soft(soft._replace(image=np.where(is_near, large.image, soft.image)))


@pytest.mark.parametrize("step", [1, 2])
def test_regular_patterns_are_not_soft(large, step):
    """Checkerboards and stripes are as strong everywhere as noise is."""
    soft = blurred(large, 1.5)
    pattern = np.float32(np.indices(soft.trimap.shape)[:step].sum(axis=0) % 2)[:, :, None]
    assert not finds_soft(soft._replace(image=0.8 * soft.image + 0.2 * pattern))


def test_strong_noise_is_not_soft(large):
    assert not finds_soft(blurred(large, 1.5, noise=0.1))


@pytest.mark.parametrize("shape", [(8, 300), (300, 15), (17, 21), (257, 258), (1, 1)])
def test_any_shape(shape):
    image = np.random.default_rng(0).random((*shape, 3), np.float32)
    assert not is_soft(image, np.ones(shape, np.bool_))


def test_nothing_to_see(large):
    assert not is_soft(large.image, np.zeros(large.trimap.shape, np.bool_))
    assert not is_soft(np.full_like(large.image, 0.5), large.trimap == 0.5)


def test_what_fine_detail_is_made_of():
    """Noise that grows with brightness, and a slope, are found again; the error covers what is left."""
    generator = np.random.default_rng(0)
    brightness, coarse = generator.random(4000), generator.exponential(1e-2, 4000)
    brightness += 20 * coarse  # where there is detail it is brighter
    fine = 1e-5 + 3e-5 * brightness + 0.02 * coarse
    blocks = Blocks(generator.random(4000), brightness, fine * (1 + 0.1 * generator.standard_normal(4000)), coarse)
    detail = fine_detail(blocks)
    assert abs(detail.slope - 0.02) < 3 * detail.slope_error < 3e-3
    np.testing.assert_allclose(detail.constant, 1e-5, rtol=0.3)
    np.testing.assert_allclose(detail.by_brightness, 3e-5, rtol=0.2)


def test_faint_detail_beside_strong_soft_edges(fur):
    """Where parts of low contrast are sharp and the others soft, the slope is clearly negative."""
    sharp = repeated(fur, 5)
    image, columns = cv2.GaussianBlur(np.float32(sharp.image), (0, 0), 1.5), sharp.trimap.shape[1] * 2 // 5
    image[:, :columns] = 0.35 + 0.3 * sharp.image[:, :columns]
    assert not finds_soft(sharp._replace(image=noisy(image, NOISE)))


def made_blocks(*, slope, noise, spread=0.0, count=400):
    """Return blocks whose fine detail has a slope, noise of a standard deviation, and a spread of its own."""
    generator = np.random.default_rng(0)
    coarse = generator.exponential(1e-2, count)
    fine = noise**2 * 2 * np.square(softness.FINE).sum() + slope * coarse + spread * generator.standard_normal(count)
    return Blocks(np.ones(count), generator.random(count), fine, coarse)


class TestConditions:
    """Each condition of the rule alone, on blocks that are made."""

    @pytest.fixture
    def decide(self, monkeypatch):
        def decided(*tiles):
            monkeypatch.setattr(softness, "_tiles", lambda image, _: tiles if image.shape[0] == 64 else ())
            return is_soft(np.zeros((64, 64, 3), np.float32), np.ones((64, 64), np.bool_))

        return decided

    @pytest.mark.parametrize(("slope", "expected"), [(0.001, True), (-0.001, True), (0.003, False), (-0.003, False)])
    def test_slope(self, decide, slope, expected):
        assert decide(made_blocks(slope=slope, noise=0.01)) == expected

    @pytest.mark.parametrize(("noise", "expected"), [(0.028, True), (0.032, False)])
    def test_noise(self, decide, noise, expected):
        assert decide(made_blocks(slope=0, noise=noise)) == expected

    @pytest.mark.parametrize(("count", "expected"), [(99, False), (101, True)])
    def test_few_blocks(self, decide, count, expected):
        assert decide(made_blocks(slope=0, noise=0.01, count=count)) == expected

    @pytest.mark.parametrize(("count", "expected"), [(10, True), (40, False)])
    def test_sharp_tiles(self, decide, count, expected):
        """A tile is sharp by its own detail, though the slope of the whole picture is small."""
        soft, sharp = made_blocks(slope=0, noise=0.001), made_blocks(slope=0, noise=0.001, count=count)
        sharp = sharp._replace(coarse=np.full(count, np.median(soft.coarse)), fine=sharp.fine + 1e-4)
        assert abs(fine_detail(Blocks(*map(np.concatenate, zip(soft, sharp, strict=True)))).slope) < 1e-3
        assert decide(soft, sharp) == expected

    @pytest.mark.parametrize("half_is_soft", [False, True])
    def test_half_the_size_decides_what_noise_leaves_open(self, monkeypatch, half_is_soft):
        """The error is small, but the slope with two errors exceeds the limit."""
        undecided = made_blocks(slope=0.0022, noise=0.01, spread=1e-4)
        detail = fine_detail(undecided)
        assert detail.slope < softness.LARGEST_SLOPE < detail.slope + 2 * detail.slope_error
        assert detail.slope_error < softness.LARGEST_SLOPE
        half = made_blocks(slope=0 if half_is_soft else 0.01, noise=0.005)
        monkeypatch.setattr(softness, "_tiles", lambda image, _: [undecided if image.shape[0] == 64 else half])
        assert is_soft(np.zeros((64, 64, 3), np.float32), np.ones((64, 64), np.bool_)) == half_is_soft

    def test_a_large_error_tells_nothing(self, decide, monkeypatch):
        uncertain = made_blocks(slope=0, noise=0.01, spread=1e-3)
        assert fine_detail(uncertain).slope_error > softness.LARGEST_SLOPE
        monkeypatch.setattr(softness, "halved", lambda *_: pytest.fail("half the size is not asked"))
        assert not decide(uncertain)
