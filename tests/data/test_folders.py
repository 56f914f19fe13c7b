"""Folders of samples, and the layouts of named data sets."""

import numpy as np
import pytest

from hybridmatte.data import NAMED, MattingFolder, Sample, WithTrimaps, offers, open_named
from hybridmatte.io.pictures import write_alpha, write_image


def fill(folder, parts, names=("b", "a"), shape=(8, 11), seed=0):
    """Write pictures of noise, one sub-folder a part; return their 8-bit values."""
    rng, values = np.random.default_rng(seed), {}
    for part, where in parts.items():
        (folder / where).mkdir(parents=True, exist_ok=True)
        for name in names:
            colour = part in ("image", "foreground", "background")
            pixels = rng.integers(0, 256, (*shape, 3) if colour else shape).astype(np.uint8)
            (write_image if colour else write_alpha)(folder / where / f"{name}.png", pixels)
            values[part, name] = pixels
    return values


def test_samples_are_paired_by_stem(tmp_path):
    values = fill(tmp_path, {part: part for part in ("image", "alpha", "trimap", "mask")})
    samples = MattingFolder(tmp_path, ["image", "alpha", "mask"])
    assert samples.names == ("a", "b")
    for sample in samples:
        assert sample.trimap is None
        for part in ("image", "alpha", "mask"):
            assert np.abs(getattr(sample, part) * 255 - values[part, sample.name]).max() < 1e-4
            assert getattr(sample, part).dtype == np.float32


def test_a_slice_is_a_list_of_samples(tmp_path):
    fill(tmp_path, {"image": "image"}, names=("a", "b", "c", "d"))
    samples = MattingFolder(tmp_path, ["image"])
    assert [sample.name for sample in samples[1:]] == ["b", "c", "d"]
    assert [sample.name for sample in samples[::-2]] == ["d", "b"]
    assert samples[-1].name == "d"
    with pytest.raises(IndexError):
        samples[4]


def test_a_missing_part_is_named():
    sample = Sample("cat", image=np.zeros((2, 3, 3)))
    assert sample.require("image") is sample.image
    with pytest.raises(ValueError, match="sample 'cat' has no alpha, expected one"):
        sample.require("alpha")


def test_a_missing_partner_is_named(tmp_path):
    fill(tmp_path, {"image": "image"}, names=("a", "b", "c"))
    fill(tmp_path, {"trimap": "trimap"}, names=("b",))
    with pytest.raises(ValueError, match="has no trimap for 2 of 3 stems, expected one for each image: a, c$"):
        MattingFolder(tmp_path, ["image", "trimap"])


def test_masks_of_labels_are_refused(tmp_path):
    fill(tmp_path, {"image": "image"})
    (tmp_path / "mask").mkdir()
    for name in ("a", "b"):
        write_alpha(tmp_path / "mask" / f"{name}.png", np.full((8, 11), 15 / 255, np.float32))
    with pytest.raises(ValueError, match=r"mask .*a\.png has no value above 0\.0588 of 1"):
        MattingFolder(tmp_path, ["image", "mask"])[0]


def test_sizes_that_differ(tmp_path):
    fill(tmp_path, {"image": "image"})
    fill(tmp_path, {"trimap": "trimap"}, shape=(11, 8))
    with pytest.raises(ValueError, match=r"has shape \(11, 8\) but image has shape \(8, 11\)"):
        MattingFolder(tmp_path, ["image", "trimap"])[0]


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        (["image", "alpha"], FileNotFoundError, "has no folder 'alpha' for alpha, only image, trimap"),
        (["picture"], ValueError, "parts is 'picture'"),
    ],
    ids=["no folder", "no such part"],
)
def test_bad_folders(tmp_path, parts, error, message):
    fill(tmp_path, {"image": "image", "trimap": "trimap"})
    with pytest.raises(error, match=message):
        MattingFolder(tmp_path, parts)


def test_empty_folder(tmp_path):
    (tmp_path / "image").mkdir()
    with pytest.raises(ValueError, match="holds no image"):
        MattingFolder(tmp_path, ["image"])


@pytest.mark.parametrize(
    ("name", "split"),
    [
        (name, split)
        for name, layout in NAMED.items()
        for split in layout.splits
        if name not in ("folder", "oxford-iiit-pet")
    ],
)
def test_named_layouts(name, split, tmp_path):
    folders = NAMED[name].splits[split]
    fill(tmp_path, folders)
    samples = open_named(name, tmp_path, list(folders), split=split)
    assert len(samples) == 2
    assert all(getattr(samples[0], part) is not None for part in folders)
    with pytest.raises(FileNotFoundError, match=f"{name} is from .*{next(iter(folders.values()))}"):
        open_named(name, tmp_path / "elsewhere", list(folders), split=split)


def test_pet_trimaps_are_labels(tmp_path):
    fill(tmp_path, {"image": "images"}, names=("cat",), shape=(1, 3))
    (tmp_path / "annotations" / "trimaps").mkdir(parents=True)
    write_alpha(tmp_path / "annotations" / "trimaps" / "cat.png", np.array([[1, 2, 3]], np.uint8))
    assert open_named("oxford-iiit-pet", tmp_path, ["image", "trimap"])[0].trimap.tolist() == [[1.0, 0.0, 0.5]]


def test_parts_of_a_data_set(tmp_path):
    fill(tmp_path, {"image": "image"})
    assert offers("folder", tmp_path, "image")
    assert not offers("folder", tmp_path, "trimap")
    assert not offers("am-2k", tmp_path, "trimap", split="train")


def test_trimaps_are_made_from_alphas_or_masks():
    alpha = np.zeros((40, 60), np.float32)
    alpha[:, 30:] = 1
    made = WithTrimaps([Sample("a", alpha=alpha), Sample("b", mask=alpha)], 5)
    for sample in made:
        assert sample.trimap[0, 22:38].tolist() == [0.0] * 3 + [0.5] * 10 + [1.0] * 3
        assert sample.alpha is None
        assert sample.mask is None
    assert WithTrimaps([Sample("a", alpha=alpha)], 5, keep_alpha=True)[0].alpha is alpha


def test_unknown_names(tmp_path):
    with pytest.raises(ValueError, match="data set is 'coco', expected 'folder' or"):
        open_named("coco", tmp_path, ["image"])
    with pytest.raises(ValueError, match="split of am-2k is None, expected 'train' or 'validation'"):
        open_named("am-2k", tmp_path, ["image"])
    with pytest.raises(ValueError, match="ppm-100, whole, has no trimap, expected some of image, alpha"):
        open_named("ppm-100", tmp_path, ["image", "trimap"])


def test_training_foregrounds_of_composition_1k_are_those_of_both_folders(tmp_path, caplog):
    """The papers train on 431; the folder Adobe-licensed images has 269."""
    layout = NAMED["composition-1k"].splits
    fill(tmp_path, layout["train"])
    with caplog.at_level("WARNING", "hybridmatte"):
        assert len(open_named("composition-1k", tmp_path, ["foreground", "alpha"], split="train")) == 2
    assert "has no Training_set/Other/fg, Training_set/Other/alpha: only 2 samples" in caplog.text
    fill(tmp_path, layout["train-other"])
    samples = open_named("composition-1k", tmp_path, ["foreground", "alpha"], split="train")
    assert len(samples) == len(samples.names) == 4
    assert [sample.name for sample in samples] == list(samples.names)
    assert samples[-1].name == samples.names[-1]
    with pytest.raises(IndexError):
        samples[4]
    assert len(open_named("composition-1k", tmp_path, ["foreground", "alpha"], split="train-other")) == 2
