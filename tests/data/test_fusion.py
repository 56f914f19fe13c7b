"""Fused photographs: trimap cells, random alphas, augmentation of uint8 images, unreadable files, streams."""

import itertools
import shutil
import warnings
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hybridmatte.data import (
    Augmentation,
    FusedCrops,
    FusedStream,
    Photographs,
    Sample,
    collate,
    fuse_photographs,
    layers_of_photographs,
    random_alpha,
    random_patch_trimap,
    stream_photographs,
    unpack,
)
from hybridmatte.data.photographs import _bytes_of as hub_bytes
from hybridmatte.io.pictures import write_image

AUGMENTATION = Augmentation(crop=56, unknown=0.0, degrees=30, shear=10, hue=30)


def photographs(count=5, size=(70, 80)):
    generator = np.random.default_rng(0)
    return [
        np.repeat(np.repeat(generator.integers(0, 256, (7, 8, 3), np.uint8), 10, 0), 10, 1)[: size[0], : size[1]]
        for _ in range(count)
    ]


def fuse(front, behind, generator, **options):
    return fuse_photographs(front, behind, augmentation=AUGMENTATION, generator=generator, **options)


draw = partial(layers_of_photographs, augmentation=AUGMENTATION)


@given(st.integers(1, 9), st.floats(0, 1), st.floats(0, 1), st.integers(9, 40), st.integers(9, 40))
def test_number_of_cells_of_each_kind_is_exact(grid, unknown, split, height, width):
    foreground = (1 - unknown) * split
    shares = {"unknown": unknown, "foreground": foreground, "background": 1 - unknown - foreground}
    shares = {name: max(share, 0.0) for name, share in shares.items()}
    trimap = random_patch_trimap((height, width), np.random.default_rng(0), grid=grid, **shares)
    assert trimap.shape == (height, width)
    rows, columns = (np.arange(side) * grid // side for side in (height, width))
    firsts = [np.searchsorted(index, np.arange(grid)) for index in (rows, columns)]
    cells = trimap[np.ix_(*firsts)]
    assert np.array_equal(cells[np.ix_(rows, columns)], trimap)
    for value, share in ((0.5, "unknown"), (1.0, "foreground"), (0.0, "background")):
        assert abs((cells == value).sum() - shares[share] * grid**2) <= 1
        assert shares[share] > 0 or not (cells == value).any()


def test_cells_of_the_paper():
    trimap = random_patch_trimap(224, np.random.default_rng(3))
    assert [np.count_nonzero(trimap[::32, ::32] == value) for value in (0.5, 1, 0)] == [37, 6, 6]
    assert np.array_equal(np.kron(trimap[::32, ::32], np.ones((32, 32))), trimap)


@pytest.mark.parametrize("level", ["pixel", "block"])
def test_alpha_agrees_with_the_trimap(level):
    trimap = random_patch_trimap(70, np.random.default_rng(0))
    alpha = random_alpha(trimap, np.random.default_rng(1), level=level)
    assert np.array_equal(alpha[trimap != 0.5], trimap[trimap != 0.5])
    levels = alpha[trimap == 0.5] * 255
    assert np.allclose(levels, levels.round(), atol=1e-4)
    blocks = alpha.reshape(7, 10, 7, 10).transpose(0, 2, 1, 3).reshape(49, 100)
    spread = blocks.max(axis=1) - blocks.min(axis=1)
    is_unknown = trimap[::10, ::10].ravel() == 0.5
    assert (spread[is_unknown] > 0.5).all() if level == "pixel" else (spread == 0).all()
    if level == "block":
        assert len(np.unique(blocks[is_unknown])) > 20


def test_image_is_the_composite_of_the_layers():
    front, behind = photographs(2)
    sample = fuse(front, behind, np.random.default_rng(0))
    alpha = sample.alpha[:, :, None]
    assert np.allclose(sample.image, alpha * sample.foreground + (1 - alpha) * sample.background, atol=1e-6)
    assert all(part.dtype == np.float32 and part.shape[:2] == (56, 56) for part in sample[1:] if part is not None)
    for left, right in zip(sample[1:], fuse(front, behind, np.random.default_rng(0))[1:], strict=True):
        assert np.array_equal(left, right)


def test_small_photographs_are_mirrored_to_the_crop():
    front, behind = photographs(2, size=(20, 30))
    sample = fuse(front, behind, np.random.default_rng(0))
    assert sample.image.shape == (56, 56, 3)
    assert sample.foreground.std() > 0.5 * (front / 255).std()


@pytest.mark.parametrize(
    "option",
    [{"hue": 180.0}, {"saturation": 0.5}, {"brightness": 0.3}, {"contrast": 0.4}, {"shear": 20.0}, {"degrees": 30.0}],
    ids=lambda option: next(iter(option)),
)
def test_uint8_and_float_images_are_augmented_alike(option):
    photograph, change, error = photographs(1)[0], 0.0, 0.0
    augmentation, still = (Augmentation(crop=56, unknown=0.0, flip=0.0, **more) for more in (option, {}))
    for seed in range(8):
        changed, expected, plain = (
            how(Sample("", image=pixels), np.random.default_rng(seed)).image
            for how, pixels in (
                (augmentation, photograph),
                (augmentation, photograph / np.float32(255)),
                (still, photograph / np.float32(255)),
            )
        )
        assert changed.dtype == np.uint8
        change += np.abs(expected - plain).mean()
        error += np.abs(changed / 255 - expected).mean()
    assert error < 0.15 * change


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": 5}, "size is 5, expected an integer of at least 7"),
        ({"size": 56, "unknown": 0.5}, "add up to 0.75, expected 1"),
        ({"size": 56, "unknown": -0.5}, "unknown is -0.5"),
        ({"size": 56, "grid": 0}, "grid is 0"),
    ],
    ids=["small", "sum", "share", "grid"],
)
def test_bad_trimaps(arguments, message):
    with pytest.raises(ValueError, match=message):
        random_patch_trimap(arguments.pop("size"), np.random.default_rng(0), **arguments)
    with pytest.raises(ValueError, match="level is 'cell'"):
        random_alpha(np.zeros((3, 3)), np.random.default_rng(0), level="cell")


class TestCrops:
    def test_sample_depends_only_on_its_number(self):
        whole = FusedCrops(photographs(), draw, seed=0, start=0, count=12)
        tail = FusedCrops(photographs(), draw, seed=0, start=7, count=5)
        assert len(whole) == 12
        for name, part in whole[9].items():
            assert torch.equal(part, tail[2][name])
        assert not torch.equal(whole[0]["alpha"], whole[5]["alpha"])

    def test_unpacked_batch_is_the_fused_sample(self):
        made, crops = photographs(), FusedCrops(photographs(), draw, seed=0, start=3, count=2)
        batch = unpack(collate([crops[0], crops[1]]))
        order = np.random.default_rng([0, 0, 0]).permutation(5)
        expected = fuse(made[order[4]], made[order[0]], np.random.default_rng([0, 1, 4]))
        for name, part in batch.items():
            assert np.allclose(part[1].permute(1, 2, 0).squeeze(), getattr(expected, name), atol=1e-6), name
        assert unpack(batch) is batch

    def test_each_photograph_is_foreground_once_and_background_once(self):
        plain = [np.full((60, 60, 3), 40 * k, np.uint8) for k in range(5)]
        for lap in (0, 1):
            crops = FusedCrops(
                plain,
                partial(layers_of_photographs, augmentation=Augmentation(crop=16)),
                seed=1,
                start=5 * lap,
                count=5,
            )
            pairs = [
                tuple(round(sample[part].float().mean().item()) for part in ("foreground", "background"))
                for sample in (crops[k] for k in range(5))
            ]
            for side in (0, 1):
                assert sorted(pair[side] for pair in pairs) == [0, 40, 80, 120, 160]
            assert all(front != behind for front, behind in pairs)


class TestPhotographs:
    @pytest.fixture
    def folder(self, tmp_path):
        for k, photograph in enumerate(photographs(4)):
            (tmp_path / f"class{k % 2}").mkdir(exist_ok=True)
            write_image(tmp_path / f"class{k % 2}" / f"{k}.png", photograph)
        (tmp_path / "notes.txt").write_text("no photograph")
        return tmp_path

    def test_subfolders_are_searched(self, folder):
        found = Photographs(folder)
        assert len(found) == 4
        assert np.array_equal(found[1], photographs(4)[2])
        with pytest.raises(IndexError, match="index is 4"):
            found[4]

    def test_unreadable_files_are_named_counted_and_skipped(self, folder):
        (folder / "class0" / "0.png").write_bytes(b"")
        (folder / "class0" / "2.png").write_bytes(b"not a picture")
        found = Photographs(folder)
        with pytest.warns(UserWarning, match="cannot be read and is skipped") as said:
            assert np.array_equal(found[0], photographs(4)[1])
        assert ["0.png" in str(said[0].message), "(2 so far)" in str(said[1].message)] == [True, True]
        assert [path.endswith(name) for path, name in zip(map(str, found.unreadable), ("0.png", "2.png"), strict=True)]
        (folder / "class1" / "1.png").unlink()
        (folder / "class1" / "1.png").symlink_to("nowhere")
        with pytest.warns(UserWarning, match="so far"), pytest.raises(ValueError, match="only 1 of 4 photographs"):
            Photographs(folder)[0]

    def test_unreadable_files_are_named_once_for_all_processes(self, folder):
        (folder / "class0" / "0.png").write_bytes(b"")
        found = Photographs(folder)
        reader = get_context("fork").Process(target=found.__getitem__, args=(0,))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader.start()
            reader.join()
        assert [path.name for path in found.unreadable] == ["0.png"]
        assert np.array_equal(found[0], photographs(4)[2])  # without a warning

    def test_small_photographs_are_named_and_counted(self, folder):
        for index in range(4, 13):
            shutil.copyfile(folder / "class0" / "0.png", folder / "class0" / f"{index}.png")
        with pytest.warns(UserWarning, match="is 80 x 70, smaller than crops of 999") as said:
            list(Photographs(folder, wanted=999))
        assert [int(str(warning.message).split("(")[1].split()[0]) for warning in said] == [1, 2, 5, 10]

    def test_all_files_become_unreadable(self, folder):
        found = Photographs(folder)
        for path in folder.rglob("*.png"):
            path.write_bytes(b"")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for message in ("only 1 of 4", "only 0 of 4", "none of 4 photographs can be read"):
                with pytest.raises(ValueError, match=message):
                    found[0]

    def test_too_few(self, tmp_path):
        with pytest.raises(ValueError, match="has 0 photographs, expected at least 2"):
            Photographs(tmp_path)
        with pytest.raises(FileNotFoundError, match="does not exist"):
            Photographs(tmp_path / "none")


class TestUnreadable:
    def test_no_photograph_is_fused_with_itself(self, tmp_path):
        for index, photograph in enumerate(photographs(6)):
            write_image(tmp_path / f"{index}.png", photograph)
        for index in (2, 3):
            (tmp_path / f"{index}.png").write_bytes(b"no picture")
        pairs = []

        def watch(front, behind, generator):
            pairs.append((front, behind))
            return draw(front, behind, generator=generator)

        crops = FusedCrops(Photographs(tmp_path), watch, seed=0, start=0, count=60)
        with pytest.warns(UserWarning, match="cannot be read"):
            [crops[index] for index in range(60)]
        assert len(pairs) == 60
        assert not [front for front, behind in pairs if np.array_equal(front, behind)]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # webdataset leaves its shards to the garbage collector
class TestStreams:
    @pytest.fixture(params=["shards", "hub"])
    def source(self, request, tmp_path):
        """Write 6 photographs and a file that is not a picture, as shards or as a data set in the hub's layout."""
        if request.param == "shards":
            import webdataset

            with webdataset.ShardWriter(str(tmp_path / "%03d.tar"), maxcount=4, verbose=0) as shards:
                for k, photograph in enumerate(photographs(6)):
                    write_image(tmp_path / "one.png", photograph)
                    shards.write({"__key__": f"{k}", "png": (tmp_path / "one.png").read_bytes()})
                shards.write({"__key__": "broken", "jpg": b"no picture"})
            return str(tmp_path / "{000..001}.tar")
        (tmp_path / "data" / "train").mkdir(parents=True)
        for k, photograph in enumerate(photographs(6)):
            write_image(tmp_path / "data" / "train" / f"{k}.png", photograph)
        (tmp_path / "data" / "train" / "broken.jpg").write_bytes(b"no picture")
        return f"hf:{tmp_path / 'data'}"

    def test_stream_repeats_and_names_the_broken_file(self, source):
        stream = iter(stream_photographs(source, seed=1))
        with pytest.warns(UserWarning, match=r"broken.* cannot be read and is skipped"):
            found = [next(stream) for _ in range(30)]
        known = {photograph.tobytes() for photograph in photographs(6)}
        assert {photograph.tobytes() for photograph in found} == known

    @pytest.mark.filterwarnings("ignore:.*cannot be read")
    def test_workers_share_whole_batches(self, source):
        crops = FusedStream(partial(stream_photographs, source), draw, seed=0, batches=5, batch_size=2)
        workers = 1 if source.startswith("hf:") else 2  # the folder is one shard
        loader = torch.utils.data.DataLoader(crops, batch_size=2, num_workers=workers, multiprocessing_context="fork")
        batches = list(loader)
        assert [len(batch["alpha"]) for batch in batches] == [2] * 5
        assert len({batch["alpha"].numpy().tobytes() for batch in batches}) == 5

    @pytest.mark.filterwarnings("ignore:.*cannot be read", "ignore::ResourceWarning")
    def test_processes_share_the_photographs(self, source):
        seen = [
            {photograph.tobytes() for photograph in itertools.islice(stream_photographs(source, share=(k, 2)), 2)}
            for k in range(2)
        ]
        assert not seen[0] & seen[1]

    def test_stream_without_a_readable_file_ends(self, tmp_path):
        import webdataset

        with webdataset.ShardWriter(str(tmp_path / "%03d.tar"), verbose=0) as shards:
            shards.write({"__key__": "broken", "jpg": b"no picture"})
        with pytest.warns(UserWarning, match="cannot be read"), pytest.raises(ValueError, match="in a row cannot be"):
            next(iter(stream_photographs(str(tmp_path / "000.tar"))))

    def test_stream_of_one_photograph_ends(self):
        same = photographs(1)[0]
        crops = FusedStream(lambda **_: itertools.repeat(same), draw, seed=0, batches=2, batch_size=2)
        with pytest.raises(ValueError, match="photographs of the stream are the same"):
            next(iter(crops))

    def test_no_photograph_is_fused_with_itself(self):
        first, second = photographs(2)
        pairs = []

        def watch(front, behind, generator):
            pairs.append((front, behind))
            return draw(front, behind, generator=generator)

        three = [first, first, second]
        crops = FusedStream(lambda **_: itertools.cycle(three), watch, seed=0, batches=4, batch_size=2)
        list(crops)
        assert not [front for front, behind in pairs if np.array_equal(front, behind)]

    def test_a_missing_file_of_the_hub_is_skipped(self, tmp_path):
        assert hub_bytes(tmp_path / "none.png") == b""

    def test_more_workers_than_shards(self):
        crops = FusedStream(lambda seed: iter([]), draw, seed=0, batches=5, batch_size=2)  # noqa: ARG005
        with pytest.raises(ValueError, match="nothing for worker 0 of 1, expected as many shards"):
            next(iter(crops))


class TestAsymmetric:
    """The foreground alone is warped and recoloured, so that the two photographs cannot be exchanged."""

    STRONG = Augmentation(crop=64, sizes=(1.0, 1.0), degrees=180.0, hue=180.0, brightness=0.5, flip=1.0)

    def sample(self, seed, **options):
        generator = np.random.default_rng(seed)
        front, behind = (np.full((64, 64, 3), colour, np.uint8) for colour in ((200, 40, 40), (40, 40, 200)))
        behind[:, :32] = 90
        return fuse_photographs(front, behind, augmentation=self.STRONG, generator=generator, **options), behind

    def test_the_background_keeps_its_colours_and_its_turn(self):
        for seed in range(4):
            sample, behind = self.sample(seed, asymmetric=True)
            assert np.abs(sample.background - behind / 255).max() < 1e-6
            assert np.abs(sample.foreground - np.float32([200, 40, 40]) / 255).max() > 0.1

    def test_beyond_the_foreground_is_black(self):
        assert any(
            (self.sample(seed, asymmetric=True)[0].foreground == 0).all(axis=2).mean() > 0.02 for seed in range(4)
        )
        for seed in range(4):
            sample = self.sample(seed)[0]
            assert not (sample.foreground == 0).all(axis=2).any()
            assert not (sample.background == 0).all(axis=2).any()

    def test_layers_are_those_of_the_sample(self):
        front, behind = (np.full((70, 80, 3), value, np.uint8) for value in (200, 90))
        options = {"augmentation": self.STRONG, "asymmetric": True}
        layers = layers_of_photographs(front, behind, generator=np.random.default_rng(1), **options)
        sample = fuse_photographs(front, behind, generator=np.random.default_rng(1), **options)
        assert np.abs(layers.foreground / np.float32(255) - sample.foreground).max() < 1e-6

    def test_border_of_an_augmentation(self):
        with pytest.raises(ValueError, match="border is 'white', expected 'mirror' or 'black'"):
            Augmentation(border="white")
