"""Trimaps: regions of a trimap, and trimaps from masks and alphas."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_cdt, distance_transform_edt

from hybridmatte._trimap_numba import chessboard_distances
from hybridmatte.trimap import grown, split_trimap, trimap_from_alpha, trimap_from_mask


def random_mask(seed, shape=(23, 31)):
    rng = np.random.default_rng(seed)
    coarse = rng.random((4, 5)) < 0.5
    coarse[0, 0], coarse[-1, -1] = True, False
    return np.kron(coarse, np.ones((6, 7), dtype=bool))[: shape[0], : shape[1]]


@pytest.mark.parametrize(
    ("value", "region"),
    [
        pytest.param(np.float32(0.1), "is_background", id="0.1"),
        pytest.param(0.11, "is_unknown", id="0.11"),
        pytest.param(0.89, "is_unknown", id="0.89"),
        pytest.param(np.float32(0.9), "is_foreground", id="0.9"),
    ],
)
def test_split_at_the_thresholds(value, region):
    regions = split_trimap(np.full((1, 1), value))
    assert getattr(regions, region).all()
    assert regions.is_background.sum() + regions.is_foreground.sum() + regions.is_unknown.sum() == 1
    assert regions.is_known.all() != regions.is_unknown.all()


@given(seed=st.integers(0, 10**6), erode=st.floats(0, 2.5), dilate=st.floats(0, 2.5))
def test_band_of_a_mask_equals_scipys_distance_transform(seed, erode, dilate):
    mask = random_mask(seed)
    trimap = trimap_from_mask(mask, erode=erode, dilate=dilate)
    np.testing.assert_array_equal(trimap == 1, distance_transform_edt(mask) > erode)
    np.testing.assert_array_equal(trimap == 0, distance_transform_edt(~mask) > dilate)
    assert set(np.unique(trimap)) <= {0, 0.5, 1}
    assert trimap.dtype == np.float32


@given(seed=st.integers(0, 10**6))
def test_mask_trimap_never_contradicts_the_mask(seed):
    mask = random_mask(seed)
    trimap = trimap_from_mask(mask)
    assert mask[trimap == 1].all()
    assert not mask[trimap == 0].any()
    np.testing.assert_array_equal(trimap_from_mask(mask[::-1, ::-1]), trimap[::-1, ::-1])
    swapped = trimap_from_mask(~mask, erode=2, dilate=1)
    np.testing.assert_array_equal(swapped, 1 - trimap_from_mask(mask, erode=1, dilate=2))


def test_width_zero_returns_the_mask():
    mask = random_mask(1)
    np.testing.assert_array_equal(trimap_from_mask(mask, erode=0, dilate=0), mask)


def test_default_width_is_a_hundredth_of_the_diagonal():
    mask = np.zeros((300, 400))
    mask[:, 200:] = 1
    trimap = trimap_from_mask(mask)
    np.testing.assert_array_equal(np.flatnonzero(trimap[0] == 0.5), np.arange(195, 205))
    trimap = trimap_from_alpha(mask)
    np.testing.assert_array_equal(np.flatnonzero(trimap[0] == 0.5), np.arange(198, 202))


def test_small_objects_keep_a_core_by_default():
    mask = np.zeros((600, 800))
    mask[300:305, 400:405] = 1
    assert (trimap_from_mask(mask) == 1).any()


def test_soft_masks_are_thresholded():
    mask = np.array([[0.0, 0.3, 0.5, 0.7, 1.0]])
    np.testing.assert_array_equal(trimap_from_mask(mask, erode=0, dilate=0), [[0, 0, 1, 1, 1]])
    np.testing.assert_array_equal(trimap_from_mask(mask, erode=0, dilate=0, threshold=0.6), [[0, 0, 0, 1, 1]])


@pytest.mark.parametrize("value", [0, 1])
def test_masks_without_outline_are_unchanged(value):
    np.testing.assert_array_equal(trimap_from_mask(np.full((4, 5), float(value))), np.full((4, 5), value))
    np.testing.assert_array_equal(trimap_from_alpha(np.full((4, 5), float(value))), np.full((4, 5), value))


def test_trimap_from_alpha_has_every_mixed_pixel_unknown(scene):
    trimap = trimap_from_alpha(scene.alpha, erode=1.5, dilate=1)
    mixed = (scene.alpha > 0.05) & (scene.alpha < 0.95)
    assert (trimap[mixed] == 0.5).all()
    np.testing.assert_array_equal(trimap == 1, distance_transform_edt(scene.alpha >= 0.95) > 1.5)
    np.testing.assert_array_equal(trimap == 0, distance_transform_edt(scene.alpha <= 0.05) > 1)
    narrow = trimap_from_alpha(scene.alpha, low=0.3, high=0.6, erode=0, dilate=0)
    np.testing.assert_array_equal(narrow == 0.5, (scene.alpha > 0.3) & (scene.alpha < 0.6))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        pytest.param(
            lambda m: trimap_from_mask(m, erode=-1), ValueError, "erode is -1, expected .* at least 0", id="negative"
        ),
        pytest.param(
            lambda m: trimap_from_mask(m, erode=50),
            ValueError,
            "erode is 50 pixels and leaves no foreground, expected less than 10",
            id="no foreground remains",
        ),
        pytest.param(
            lambda m: trimap_from_mask(m, dilate=50),
            ValueError,
            "dilate is 50 .* no background",
            id="no background remains",
        ),
        pytest.param(
            lambda m: trimap_from_mask(m, dilate="3"), TypeError, "dilate is '3', expected a number", id="text"
        ),
        pytest.param(lambda m: trimap_from_mask(m, threshold=0), ValueError, "threshold is 0", id="threshold 0"),
        pytest.param(lambda m: trimap_from_mask(m * 2), ValueError, "mask has floating-point values", id="range"),
        pytest.param(lambda m: trimap_from_mask(m[:, :, None].repeat(3, 2)), ValueError, "mask has shape", id="colour"),
        pytest.param(lambda m: trimap_from_mask(m * np.nan), ValueError, "NaN", id="NaN"),
        pytest.param(lambda m: trimap_from_mask(m[:0]), ValueError, "empty", id="empty"),
        pytest.param(
            lambda m: trimap_from_alpha(m, low=0.6, high=0.4),
            ValueError,
            "expected low below high",
            id="low above high",
        ),
    ],
)
def test_bad_input(call, error, match):
    mask = np.zeros((9, 21))
    mask[:, :10] = 1
    with pytest.raises(error, match=match):
        call(mask)


class TestSeveralObjects:
    MASK = np.zeros((300, 400), bool)
    MASK[40:200, 40:200] = True
    MASK[100:109, 300:309] = True  # largest distance 5 pixels, 1% of the diagonal: eroded by 2.5
    MASK[250:253, 300:303] = True

    def test_each_keeps_a_core_and_specks_become_unknown(self):
        trimap = trimap_from_mask(self.MASK)
        assert (trimap[45:195, 45:195] == 1).all()
        assert (trimap[40:45, 40:200] == 0.5).all()
        assert (trimap[102:107, 302:307] == 1).all()
        assert (trimap[250:253, 300:303] == 0.5).all()

    def test_a_speck_without_other_objects_keeps_a_core(self):
        alone = np.zeros((300, 400), bool)
        alone[250:253, 300:303] = True
        assert trimap_from_mask(alone)[251, 301] == 1

    def test_explicit_width_applies_to_all_objects(self):
        assert (trimap_from_mask(self.MASK, erode=6)[100:109, 300:309] == 0.5).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1), (40, 60), (7, 400), (400, 7)])
def test_chessboard_distances_to_labels(shape, rng):
    for share in (0.3, 0.02, 0.0):
        labels = rng.choice([-1, 0, 1], shape, p=[1 - 2 * share, share, share]).astype(np.int8)
        for label, distances in enumerate(chessboard_distances(labels, 2)):
            is_elsewhere = labels != label
            expected = distance_transform_cdt(is_elsewhere) if not is_elsewhere.all() else np.full(shape, 255)
            np.testing.assert_array_equal(distances, np.minimum(expected, 255))


@pytest.mark.parametrize("reach", [0, 1, 3.7, 12, 1e9])
def test_grown_regions_are_what_is_within_reach(reach, rng):
    for share in (0.5, 0.01, 0.0):
        region = rng.random((40, 60)) < share
        is_within = distance_transform_cdt(~region) <= reach if region.any() else np.zeros_like(region)
        np.testing.assert_array_equal(grown(region, reach), is_within)
        np.testing.assert_array_equal(grown(region[:, ::2], 2), grown(region[:, ::2].copy(), 2))
