"""Quality "fast" of `auto`: solved at half the size, and enlarged along the image's colours."""

import numpy as np
import pytest

import hybridmatte
from hybridmatte.automatic import half_size
from hybridmatte.automatic.half_size import LEAST_SIDE, halved_band, matte_band
from hybridmatte.correction import matting
from hybridmatte.correction.passes import correct
from tests.synthetic import soft_disk
from tests.tolerances import assert_close

SHAPE = (LEAST_SIDE + 1, LEAST_SIDE + 61)  # odd sides


@pytest.fixture(scope="module")
def scene():
    return soft_disk(SHAPE)


@pytest.fixture
def solved_shapes(monkeypatch):
    """Record the sizes that are solved."""
    shapes, solve = [], half_size.matte_by

    def recorded(image, *arguments, **options):
        shapes.append(image.shape[:2])
        return solve(image, *arguments, **options)

    monkeypatch.setattr(half_size, "matte_by", recorded)
    return shapes


def fast_band(image, trimap):
    """Return alpha of a band at quality "fast"."""
    return matte_band(image, trimap, halved_band(trimap, "fast"), None, "fast")


class TestLarge:
    def test_is_as_near_to_the_truth_as_at_full_size(self, scene, solved_shapes):
        image, trimap = np.float32(scene.image), np.float32(scene.trimap)
        errors = [
            np.abs(alpha - scene.alpha)[trimap == 0.5].mean()
            for alpha in (fast_band(image, trimap), hybridmatte.matte(image, trimap, quality="fast"))
        ]
        assert solved_shapes == [tuple((side + 1) // 2 for side in SHAPE)]
        assert errors[0] <= errors[1] + 0.002

    def test_known_pixels_stay(self, scene):
        alpha = fast_band(np.float32(scene.image), np.float32(scene.trimap))
        is_known = scene.trimap != 0.5
        assert (alpha[is_known] == scene.trimap[is_known]).all()
        assert alpha.dtype == np.float32

    def test_thin_cores_stay_known(self, monkeypatch):
        """A core of two pixels covers no pixel of half the size wholly where it lies between two."""
        trimap = np.full(SHAPE, 0.5, np.float32)
        trimap[100:300, 101:103], trimap[:, -40:] = 1, 0
        seen = []
        monkeypatch.setattr(half_size, "matte_by", lambda _, half, *__: (seen.append(half), half)[1])
        fast_band(np.full((*SHAPE, 3), 0.5, np.float32), trimap)
        assert seen[0].shape == tuple((side + 1) // 2 for side in SHAPE)
        assert (seen[0] == 1).any()

    def test_a_region_without_a_pixel_of_half_the_size(self, scene, solved_shapes):
        """A single known pixel is solved at full size."""
        trimap = np.full(SHAPE, 0.5, np.float32)
        trimap[0], trimap[300, 301] = 0, 1
        assert halved_band(trimap, "fast") is None
        fast_band(np.float32(scene.image), trimap)
        assert solved_shapes == [SHAPE]

    def test_nothing_unknown(self, scene):
        trimap = np.float32(scene.alpha >= 0.5)
        with pytest.warns(UserWarning, match="no unknown pixel"):
            assert (fast_band(np.float32(scene.image), trimap) == trimap).all()


@pytest.mark.parametrize(
    ("shape", "quality", "expected"),
    [((512, 600), "fast", True), ((511, 600), "fast", False), ((4000, 6000), "best", False), ((600, 600), None, False)],
)
def test_what_is_halved(shape, quality, expected):
    trimap = np.full(shape, 0.5, np.float32)
    trimap[:9], trimap[-9:] = 0, 1
    assert (halved_band(trimap, quality) is not None) == expected


def test_widths_of_the_band_are_kept(scene, solved_shapes):
    """A band of few pixels is solved at full size."""
    mask = np.float32(scene.alpha >= 0.5)
    alpha = hybridmatte.matte_from_mask(scene.image, mask, erode=3, dilate=3, quality="fast").alpha
    assert solved_shapes == [SHAPE]
    assert_close(alpha.mean(), scene.alpha.mean(), 0.02)


def test_auto_solves_at_half_size(scene, solved_shapes):
    mask = np.float32(scene.alpha >= 0.5)
    result = hybridmatte.matte_from_mask(scene.image, mask, trust_mask=True, quality="fast")
    assert solved_shapes == [tuple((side + 1) // 2 for side in SHAPE)]
    assert "half" in result.description


def test_one_pass_in_a_band(scene, monkeypatch):
    """A second pass of the quality "best" gains nothing along a mask."""
    passes = []
    record = lambda problem, network, n: (passes.append(n), correct(problem, network, n))[1]  # noqa: E731
    monkeypatch.setattr(matting, "correct", record)
    result = hybridmatte.matte_from_mask(scene.image, scene.alpha >= 0.5, trust_mask=True)
    assert passes == [1]
    assert result.alpha.shape == SHAPE
