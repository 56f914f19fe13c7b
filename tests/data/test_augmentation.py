"""Random crops, colours, trimaps and composites: parts stay aligned, values in range, results depend on seeds."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hybridmatte.data import (
    Augmentation,
    Composites,
    Sample,
    TrainingCrops,
    combine_foregrounds,
    composite_sample,
    fit_background,
    random_trimap,
)
from hybridmatte.foreground import composite
from tests.synthetic import soft_disk


def sample_of(shape=(64, 83), seed=0):
    """Return a sample whose foreground's red and image's green are its alpha."""
    scene = soft_disk(shape, seed=seed)
    image = np.stack([scene.image[:, :, 0], scene.alpha, scene.image[:, :, 2]], axis=2)
    foreground = np.repeat(scene.alpha[:, :, None], 3, axis=2)
    return Sample("disk", image=image, alpha=scene.alpha, trimap=scene.trimap, foreground=foreground)


def crop(seed=0, **options):
    options = {"crop": 32, "sizes": (0.8, 1.4), **options}
    return Augmentation(**options)(sample_of(), np.random.default_rng(seed))


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_parts_are_cropped_alike(seed):
    cut = crop(seed, degrees=30.0)
    assert cut.image.shape == (32, 32, 3)
    assert np.abs(cut.image[:, :, 1] - cut.alpha).max() < 1e-6
    assert np.abs(cut.foreground[:, :, 0] - cut.alpha).max() < 1e-6
    assert set(np.unique(cut.trimap)) <= {0.0, 0.5, 1.0}
    known = cut.trimap != 0.5
    assert np.abs(cut.alpha - cut.trimap)[known].max(initial=0.0) < 0.5  # nearest against smooth, at the band's border
    assert all(0 <= part.min() <= part.max() <= 1 for part in cut[1:] if part is not None)


def test_crop_depends_on_the_seed():
    for option in ({}, {"degrees": 20.0}, {"brightness": 0.3, "hue": 30.0, "saturation": 0.4, "contrast": 0.2}):
        assert np.array_equal(crop(3, **option).image, crop(3, **option).image)
        assert not np.array_equal(crop(3, **option).image, crop(4, **option).image)


@pytest.mark.parametrize("option", ["brightness", "contrast", "saturation", "hue"])
def test_colours_change_image_and_not_alpha(option):
    plain, changed = crop(1), crop(1, **{option: 20.0 if option == "hue" else 0.5})
    assert not np.array_equal(plain.image, changed.image)
    assert np.array_equal(plain.alpha, changed.alpha)


def test_crops_are_centred_on_unknown_pixels():
    """Every crop must contain a small unknown spot, and few crops without this option do."""
    scene = soft_disk((200, 200))
    trimap = np.zeros((200, 200), np.float32)
    trimap[150:152, 30:32] = 0.5
    sample = Sample("spot", image=scene.image, trimap=trimap)
    augmentation = Augmentation(crop=24, sizes=(1.0, 1.0), unknown=1.0, flip=0.5)
    cuts = [augmentation(sample, np.random.default_rng(seed)) for seed in range(20)]
    assert all((cut.trimap == 0.5).any() for cut in cuts)
    away = Augmentation(crop=24, sizes=(1.0, 1.0), unknown=0.0)
    assert sum((away(sample, np.random.default_rng(seed)).trimap == 0.5).any() for seed in range(20)) < 8


def test_plain_crop_is_a_part_of_the_image():
    sample = sample_of()
    cut = Augmentation(crop=32, sizes=(1.0, 1.0), flip=0.0, unknown=0.0)(sample, np.random.default_rng(0))
    windows = np.lib.stride_tricks.sliding_window_view(sample.alpha, (32, 32))
    assert np.abs(windows - cut.alpha).max(axis=(2, 3)).min() < 0.1  # half a pixel off, alpha rises by 0.13 a pixel


def test_smaller_crops_are_averaged():
    """At a third of its size, a fine chessboard becomes grey for any position of the crop, and a ramp stays a ramp."""
    y, x = np.mgrid[:240, :300]
    image = np.stack([(x + y) % 2, x / 299, y / 239], axis=2).astype(np.float32)
    augmentation = Augmentation(crop=60, sizes=(3.0, 3.0), flip=0.0, unknown=0.0)
    for seed in range(5):
        cut = augmentation(Sample("board", image=image), np.random.default_rng(seed)).image
        assert np.abs(cut[:, :, 0] - 0.5).max() < 0.2
        steps = np.diff(cut[:, :, 1], axis=1)[:, 2:-2] * 299
        assert np.abs(steps - 3.0).max() < 0.05


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop": 8}, "crop is 8"),
        ({"sizes": (2.0, 1.0)}, "expected the smaller first"),
        ({"flip": 2}, "flip is 2"),
        ({"brightness": 1.5}, "brightness is 1.5"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**options)


def test_random_trimaps_hold_the_mixed_pixels():
    scene = soft_disk((80, 90))
    widths = set()
    for seed in range(10):
        trimap = random_trimap(scene.alpha, np.random.default_rng(seed))
        assert (trimap[(scene.alpha > 0.01) & (scene.alpha < 0.99)] == 0.5).all()
        widths.add(int((trimap == 0.5).sum()))
    assert len(widths) > 5


class TestComposites:
    def test_image_is_the_composite(self):
        sample, background = sample_of(), np.random.default_rng(0).random((100, 90, 3)).astype(np.float32)
        made = composite_sample(sample, background)
        assert np.abs(made.image - composite(sample.foreground, sample.alpha, background[:64, :83])).max() < 1e-6

    @pytest.mark.parametrize("shape", [(10, 200), (200, 10), (64, 83), (63, 82)])
    def test_backgrounds_are_fitted(self, shape):
        background = np.random.default_rng(0).random((*shape, 3)).astype(np.float32)
        fitted = fit_background(background, (64, 83))
        assert fitted.shape == (64, 83, 3)
        assert 0 <= fitted.min() <= fitted.max() <= 1
        if shape == (64, 83):
            assert np.array_equal(fitted, background)

    def test_two_foregrounds_composite_in_turn(self):
        front, behind = sample_of(seed=0), sample_of(seed=1)
        both = combine_foregrounds(front, behind)
        ground = np.random.default_rng(0).random((64, 83, 3)).astype(np.float32)
        in_turn = composite(front.foreground, front.alpha, composite(behind.foreground, behind.alpha, ground))
        assert np.abs(composite(both.foreground, both.alpha, ground) - in_turn).max() < 1e-5


class TestCompositeSets:
    def make(self, **options):
        foregrounds = [sample_of(seed=seed)._replace(name=str(seed), trimap=None, image=None) for seed in range(3)]
        rng = np.random.default_rng(0)
        backgrounds = [Sample(str(k), background=rng.random((70, 90, 3)).astype(np.float32)) for k in range(5)]
        return foregrounds, backgrounds, Composites(foregrounds, backgrounds, per_foreground=4, **options)

    def test_order_is_that_of_composition_1k(self):
        foregrounds, backgrounds, composites = self.make()
        assert len(composites) == 12
        assert [sample.name for sample in composites] == [f"{k // 4}_{k % 4}" for k in range(12)]
        seventh, background = composites[7], backgrounds[2].background[:64, :83]
        assert np.array_equal(seventh.background, background)
        expected = composite(foregrounds[1].foreground, foregrounds[1].alpha, background)
        assert np.abs(seventh.image - expected).max() < 1e-6
        assert (seventh.trimap[(seventh.alpha > 0.01) & (seventh.alpha < 0.99)] == 0.5).all()

    def test_trimaps_of_composites_are_found_by_name(self):
        class Trimaps(list):
            names = tuple(f"{k}_{i}" for k in range(3) for i in range(4))

        trimaps = Trimaps(
            Sample(name, trimap=np.full((64, 83), k / 11, np.float32)) for k, name in enumerate(Trimaps.names)
        )
        composites = self.make(trimaps=trimaps)[2]
        assert all((sample.trimap == np.float32(k / 11)).all() for k, sample in enumerate(composites))

    def test_combined_foregrounds_differ_and_repeat(self):
        plain, combined, again = self.make()[2][3], self.make(combine=1.0)[2][3], self.make(combine=1.0)[2][3]
        assert combined.alpha.sum() > plain.alpha.sum()
        assert np.array_equal(combined.image, again.image)
        assert np.array_equal(combined.trimap, again.trimap)

    def test_layers_are_composited_after_cropping(self):
        composites = self.make()[2]
        augmentation = Augmentation(crop=32, unknown=1.0, degrees=20, hue=20)
        layers = composites.layers()
        assert len(layers) == 12
        assert layers[5].image is None
        assert layers[5].background.shape == (70, 90, 3)
        centres = []
        for index in range(12):
            cut = augmentation(layers[index], np.random.default_rng(index))
            assert np.abs(cut.image - composite(cut.foreground, cut.alpha, cut.background)).max() < 1e-6
            assert (cut.trimap[(cut.alpha > 0.01) & (cut.alpha < 0.99)] == 0.5).all()
            centres.append(cut.trimap[14:18, 14:18].mean())
        assert np.mean(np.isclose(centres, 0.5)) > 0.8  # the scenes are smaller than two crops: some are moved inwards

    def test_nothing_to_composite(self):
        with pytest.raises(ValueError, match="0 foregrounds and 0 backgrounds"):
            Composites([], [])


class TestTrainingCrops:
    def crops(self, start=0, count=12, seed=5):
        samples = [sample_of(seed=seed)._replace(name=str(seed)) for seed in range(3)]
        return TrainingCrops(samples, Augmentation(crop=32, sizes=(1.0, 1.2)), seed=seed, start=start, count=count)

    def test_a_crop_depends_on_its_number_alone(self):
        assert torch.equal(self.crops()[7]["image"], self.crops(start=5)[2]["image"])
        assert not torch.equal(self.crops()[7]["image"], self.crops(seed=6)[7]["image"])

    def test_workers_change_nothing(self):
        one, two = (torch.utils.data.DataLoader(self.crops(), batch_size=4, num_workers=n) for n in (0, 2))
        for left, right in zip(one, two, strict=True):
            assert all(torch.equal(left[part], right[part]) for part in left)

    def test_every_pass_has_every_sample_in_its_own_order(self):
        names = []

        def record(sample, generator):
            del generator
            names.append(sample.name)
            return sample

        samples = [sample_of(seed=seed)._replace(name=str(seed)) for seed in range(3)]
        crops = TrainingCrops(samples, Augmentation(crop=32), seed=5, start=0, count=30, finish=record)
        for k in range(30):
            crops[k]
        passes = [names[k : k + 3] for k in range(0, 30, 3)]
        assert all(sorted(one) == ["0", "1", "2"] for one in passes)
        assert len({tuple(one) for one in passes}) > 2

    def test_parts_are_tensors_of_channels(self):
        crop = self.crops()[0]
        assert crop["image"].shape == (3, 32, 32)
        assert crop["alpha"].shape == (1, 32, 32)
        assert "mask" not in crop
