"""Samples in memory or on disk that lack a part, have parts of several sizes, or say nothing."""

import warnings

import numpy as np
import pytest

from hybridmatte.data import Photographs, Sample
from hybridmatte.data.checked_samples import CheckedSamples, Demands
from hybridmatte.data.labels import WithTrimaps
from hybridmatte.data.lazy_sequence import LazySequence
from hybridmatte.io.pictures import write_image
from tests.training.shared import disks


class Lazy(LazySequence[Sample]):
    """Samples that are made when they are accessed."""

    def __init__(self, samples):
        self.samples = samples

    def __len__(self):
        return len(self.samples)

    def _item(self, index):
        return self.samples[index]


def check(samples, *parts, **demands):
    checked = CheckedSamples(samples, Demands(parts, **demands))
    return [checked[index] for index in range(len(checked))]


@pytest.mark.parametrize("kind", [list, tuple, Lazy])
class TestEverySequence:
    def test_a_part_is_missing(self, kind):
        samples = [*disks("image", "trimap", count=1), *disks("image", count=1)]
        with pytest.raises(ValueError, match="data: sample 'disk 0' has no trimap, expected one with image, trimap"):
            check(kind(samples), "image", "trimap")

    @pytest.mark.parametrize("part", ["trimap", "alpha", "mask", "foreground", "background"])
    def test_a_part_has_another_size(self, kind, part):
        smaller = np.zeros((60, 70, 3) if part in ("foreground", "background") else (60, 70), np.float32)
        sample = disks("image", count=1)[0]._replace(**{part: smaller})
        with pytest.raises(
            ValueError, match=rf"{part} of sample 'disk 0' has shape \(60, 70\) but its image has shape"
        ):
            check(kind([sample]), "image")

    def test_a_trimap_is_unknown_everywhere(self, kind):
        sample = disks("image", "trimap", count=1)[0]
        empty = sample._replace(trimap=np.full_like(sample.trimap, 0.5))
        assert len(check(kind([empty]), "trimap")) == 1
        with pytest.raises(ValueError, match="trimap of sample 'disk 0' is unknown everywhere, expected known pixels"):
            check(kind([sample, empty]), "trimap", known=True)

    def test_inverted_masks_are_warned_of_and_counted(self, kind):
        samples = disks("image", "mask", count=3)
        inverted = [sample._replace(mask=1 - sample.mask) for sample in samples]
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            check(kind(inverted), "image", "mask")
        messages = [str(warning.message) for warning in said]
        if kind is Lazy:
            assert [message[-10:] for message in messages] == ["(1 so far)", "(2 so far)"]
            assert "mask of sample 'disk 0' contains most of the image's border" in messages[0]
        else:
            assert ["3 of 3 masks of data contain most of" in message for message in messages] == [True]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check(kind(samples), "image", "mask")
            check(kind(inverted), "image")

    def test_integers_are_scaled(self, kind):
        sample = disks("image", count=1)[0]
        image = np.round(255 * sample.image).astype(np.uint8)
        found = check(kind([sample._replace(image=image)]), "image")[0].image
        assert found.dtype == np.float32
        assert np.abs(found - sample.image).max() < 0.003

    @pytest.mark.parametrize(
        ("part", "array", "message"),
        [
            ("image", np.zeros((8, 9), np.float32), r"has shape \(8, 9\), expected \(H, W, 3\)"),
            ("image", np.zeros((8, 9, 4), np.float32), r"has shape \(8, 9, 4\), expected \(H, W, 3\)"),
            ("image", np.zeros((0, 9, 3), np.float32), r"has shape \(0, 9, 3\), expected \(H, W, 3\)"),
            ("alpha", np.zeros((8, 9, 1), np.float32), r"has shape \(8, 9, 1\), expected \(H, W\)"),
            ("alpha", np.zeros((8, 9), np.int64), "has dtype int64, expected"),
        ],
    )
    def test_a_part_is_no_picture(self, kind, part, array, message):
        with pytest.raises((ValueError, TypeError), match=f"{part} of sample 'x' {message}"):
            check(kind([Sample("x", **{part: array})]), part)

    def test_an_item_is_no_sample(self, kind):
        with pytest.raises(TypeError, match=r"data\[0\] is a ndarray, expected a Sample"):
            check(kind([np.zeros((8, 9, 3))]), "image")

    def test_there_is_none(self, kind):
        with pytest.raises(ValueError, match="data has 0 samples, expected at least 1"):
            check(kind([]), "image")

    def test_smaller_than_the_crops(self, kind):
        with pytest.warns(UserWarning, match="smaller than crops of 81.*mirrored at"):
            check(kind(disks("image")), "image", smallest=81)
        check(kind(disks("image")), "image", smallest=80)


def test_values_in_memory_are_looked_at_before_a_run():
    sample = disks("image", count=1)[0]
    sample.image[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="image of sample 'disk 0' has 1 NaN or infinite values, expected none"):
        CheckedSamples([sample], Demands(("image",)))


def test_a_background_may_have_its_own_size_before_it_is_composited():
    sample = disks("alpha", count=1)[0]._replace(
        foreground=np.zeros((80, 90, 3), np.float32), background=np.zeros((20, 30, 3), np.float32)
    )
    assert check([sample], "foreground")[0].background.shape == (20, 30, 3)


def test_what_is_no_sequence():
    with pytest.raises(TypeError, match="data is a generator, expected a path or a sequence"):
        CheckedSamples((sample for sample in disks("image")), Demands(("image",)))


def test_photographs_are_counted_as_samples_are(tmp_path):
    for index in range(2):
        write_image(tmp_path / f"{index}.png", np.full((20, 30, 3), index / 2, np.float32))
    photographs = Photographs(tmp_path, wanted=25)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert photographs[0].shape == photographs[1].shape == (20, 30, 3)
    assert [str(warning.message)[-10:] for warning in said] == ["(1 so far)", "(2 so far)"]
    assert "0.png is 30 x 20, smaller than crops of 25: it is mirrored" in str(said[0].message)


def test_inverted_masks_that_trimaps_are_made_of(recwarn):
    samples = [sample._replace(mask=1 - sample.mask) for sample in disks("image", "mask", count=2)]
    made = WithTrimaps(samples, 5)
    assert made[0].mask is None
    assert "mask of sample 'disk 0' contains most" in str(recwarn.pop(UserWarning).message)
