"""Pictures are soft that show next to nothing in their unknown region that half their size does not."""

import itertools

import cv2
import numpy as np
import pytest

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
