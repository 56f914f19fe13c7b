"""Coarse segmentations and pseudo trimaps: widths in pixels, objects kept, results that depend on the seed alone."""

import numpy as np
import pytest

from hybridmatte.data import Sample, random_segmentation, soft_segmentation
from hybridmatte.data.augmentation import Augmentation
from hybridmatte.data.segmentation import AsRealTask, AsTrimapTask, pseudo_trimap
from tests.synthetic import soft_disk
from tests.tolerances import assert_close

STRIPE = np.zeros((9, 300), np.float32)
STRIPE[:, 100:200] = 1


def column(plane):
    return plane[4]


class TestRandomSegmentation:
    def test_area_is_too_small_or_too_large_at_random(self):
        areas = [
            random_segmentation(STRIPE, np.random.default_rng(seed), width=20).sum() / STRIPE.sum()
            for seed in range(60)
        ]
        assert min(areas) < 0.9
        assert max(areas) > 1.3
        assert np.ptp(areas) < 0.8  # eroded, then dilated, both by at most 20 of its 100 pixels; first by up to 10

    def test_result_depends_on_the_generator(self):
        planes = [random_segmentation(STRIPE, np.random.default_rng(seed)) for seed in (0, 0, 1)]
        assert (planes[0] == planes[1]).all()
        assert (planes[0] != planes[2]).any()

    def test_soft_and_within_bounds(self):
        plane = random_segmentation(STRIPE, np.random.default_rng(0))
        assert plane.dtype == np.float32
        assert 0 <= plane.min() <= plane.max() <= 1
        assert ((plane > 0.1) & (plane < 0.9)).any()

    @pytest.mark.parametrize("seed", range(8))
    def test_small_objects_remain(self, seed):
        alpha = np.zeros((128, 128))
        alpha[60:68, 60:68] = 1
        assert random_segmentation(alpha, np.random.default_rng(seed)).max() > 0


class TestSoftSegmentation:
    def test_eroded_by_pixels(self):
        hard = soft_segmentation(STRIPE, erode=20, blur=0)
        assert np.flatnonzero(column(hard)).tolist() == list(range(120, 180))
        assert (soft_segmentation(STRIPE, erode=0, blur=0) == STRIPE).all()

    def test_blur_keeps_the_middle_of_the_edge(self):
        soft = column(soft_segmentation(STRIPE, erode=20, blur=31))
        assert soft[119] < 0.5 < soft[120]
        assert soft[119] + soft[120] == pytest.approx(1, abs=1e-3)
        assert soft[110] > 0.01

    def test_deepest_pixels_remain(self):
        left = column(soft_segmentation(STRIPE, erode=500, blur=0))
        assert 0 < left.sum() <= 11
        assert left[149:151].all()

    def test_full_and_empty_masks_are_unchanged(self):
        for value in (0.0, 1.0):
            plane = np.full((20, 20), value)
            assert_close(soft_segmentation(plane), plane, 1e-6)


def test_pseudo_trimap():
    trimap = column(pseudo_trimap(STRIPE))
    for value, places in ((1, range(115, 185)), (0, [*range(50), *range(250, 300)])):
        assert np.flatnonzero(trimap == value).tolist() == list(places)
    assert (trimap[50:115] == 0.5).all()
    assert np.flatnonzero(column(pseudo_trimap(STRIPE, 0.2)) == 1).tolist() == list(range(103, 197))


def test_trimap_task():
    scene = soft_disk((64, 64), seed=0)
    sample = Sample("disk", image=scene.image, alpha=scene.alpha)
    done = AsTrimapTask(0.2)(sample, np.random.default_rng(0))
    assert (done.image == scene.image).all()
    assert done.alpha is None
    assert set(np.unique(done.trimap)) == {0, 0.5, 1}
    assert (done.trimap[(scene.alpha > 0.01) & (scene.alpha < 0.99)] == 0.5).all()
    assert done.mask.max() > 0.5


def test_real_task():
    scene, other = soft_disk((64, 64), seed=0), soft_disk((90, 80), seed=1)
    task = AsRealTask([Sample("b", background=other.image)], Augmentation(crop=64), 0.1)
    done = task(Sample("disk", image=scene.image, mask=np.float32(scene.alpha > 0.5)), np.random.default_rng(0))
    assert done.background.shape == (64, 64, 3)
    assert set(np.unique(done.trimap)) == {0, 0.5, 1}
    assert 0.5 < done.mask.max() <= 1


def test_real_task_segments_what_is_not_background():
    """The unknown region reaches 50 pixels outside the outline; eroded by 20, the segmentation reaches 30."""
    image = np.zeros((*STRIPE.shape, 3), np.float32)
    task = AsRealTask([Sample("b", background=image)], Augmentation(crop=16), 1.0)
    mask = task(Sample("stripe", image=image, mask=STRIPE), np.random.default_rng(0)).mask
    assert np.flatnonzero(column(mask) > 0.5).tolist() == list(range(70, 230))
