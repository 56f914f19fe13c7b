"""Masks with random errors: what stays, what changes, and the pixels that are learnt from."""

import numpy as np
import pytest

from hybridmatte.data import AsRefinementTask, Sample, random_mask_errors
from tests.synthetic import soft_disk
from tests.tolerances import assert_close

SCENE = soft_disk((80, 90))


def overlap(first, second):
    inside = first >= 0.5, second >= 0.5
    return (inside[0] & inside[1]).sum() / (inside[0] | inside[1]).sum()


class TestRandomMaskErrors:
    def test_most_masks_change_and_stay_near_the_object(self):
        masks = [random_mask_errors(SCENE.alpha, SCENE.image, np.random.default_rng(seed)) for seed in range(80)]
        overlaps = [overlap(mask, SCENE.alpha) for mask in masks]
        assert 2 <= sum((mask == SCENE.alpha).all() for mask in masks) <= 25  # one in eight, and some errors of size 0
        assert np.mean(overlaps) > 0.7
        assert min(overlaps) < 0.8
        assert sum(set(np.unique(mask)) <= {0, 1} for mask in masks) >= 10  # thresholded
        for mask in masks:
            assert mask.dtype == np.float32
            assert mask.shape == SCENE.alpha.shape
            assert 0 <= mask.min() <= mask.max() <= 1

    def test_depends_on_the_generator_and_changes_nothing_given(self):
        alpha, image = SCENE.alpha.copy(), SCENE.image.copy()
        assert not any(random_mask_errors(alpha, image, np.random.default_rng(seed)) is alpha for seed in range(30))
        first, again, other = (random_mask_errors(alpha, image, np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert (first == again).all()
        assert (first != other).any()
        assert (alpha == SCENE.alpha).all()
        assert (image == SCENE.image).all()

    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_masks_without_an_outline(self, value):
        for seed in range(20):
            mask = random_mask_errors(np.full((40, 30), value), np.zeros((40, 30, 3)), np.random.default_rng(seed))
            assert np.isfinite(mask).all()

    def test_shapes_that_differ(self):
        with pytest.raises(ValueError, match="mask has shape"):
            random_mask_errors(np.zeros((4, 5)), np.zeros((5, 4, 3)), np.random.default_rng(0))


class TestAsRefinementTask:
    def test_alpha_is_learnt_everywhere(self):
        task, generator = AsRefinementTask(0.02), np.random.default_rng(0)
        made = task(Sample("a", image=SCENE.image, alpha=SCENE.alpha), generator)
        assert made["alpha"] is SCENE.alpha
        assert set(np.unique(made["weight"])) == {1, 3}

    def test_mask_is_not_learnt_along_its_outline(self):
        mask = np.zeros((60, 80), np.float32)
        mask[:, 40:] = 0.8
        made = AsRefinementTask(0.02)(Sample("m", image=np.zeros((60, 80, 3)), mask=mask), np.random.default_rng(0))
        assert_close(made["alpha"][0], np.arange(80) >= 40)
        assert_close(made["weight"][0], 1 - (np.abs(np.arange(80) - 39.5) < 2))  # the diagonal is 100 pixels
