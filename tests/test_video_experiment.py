"""The experiment on clips: scenes with true alpha."""

import numpy as np
import pytest

from experiments.video.scenes import CLEAR, key_frames, moving_scene
from hybridmatte import write_alpha, write_image
from tests.synthetic import soft_disk

SIZE, COUNT = (48, 64), 4


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a data folder with three photographs and an object with true alpha."""
    folder = tmp_path_factory.mktemp("data")
    generator = np.random.default_rng(0)
    (folder / "photos" / "test").mkdir(parents=True)
    for k in range(3):
        picture = np.kron(generator.random((12, 16, 3)), np.ones((8, 8, 1)))
        write_image(folder / "photos" / "test" / f"{k}.jpg", picture.astype(np.float32))
    disk = soft_disk((96, 128))
    for kind in ("image", "alpha", "trimap1", "trimap2"):
        (folder / "alphamatting" / kind).mkdir(parents=True)
    (folder / "alphamatting_more" / "image").mkdir(parents=True)
    write_image(folder / "alphamatting" / "image" / "GT00.png", disk.image.astype(np.float32))
    for kind, plane in (("alpha", disk.alpha), ("trimap1", disk.trimap), ("trimap2", disk.trimap)):
        write_alpha(folder / "alphamatting" / kind / "GT00.png", plane)
    return folder


@pytest.fixture(scope="module")
def clip(data):
    return moving_scene("GT00", 3, COUNT, SIZE, data=data)


class TestScenes:
    def test_form(self, clip):
        """Frames, alphas and trimaps are of one length, size and documented type."""
        frames, alphas, trimaps = clip
        assert [len(planes) for planes in clip] == [COUNT] * 3
        for frame, alpha, trimap in zip(frames, alphas, trimaps, strict=True):
            assert (frame.shape, frame.dtype) == ((*SIZE, 3), np.uint8)
            assert (alpha.shape, alpha.dtype) == (SIZE, np.float32)
            assert (trimap.shape, trimap.dtype) == (SIZE, np.uint8)
            assert set(np.unique(trimap)) == {0, 128, 255}
            assert 0 <= alpha.min() <= alpha.max() <= 1

    def test_known_pixels_are_what_the_trimap_says(self, clip):
        for alpha, trimap in zip(clip.alphas, clip.trimaps, strict=True):
            assert alpha[trimap == 0].max() <= CLEAR
            assert alpha[trimap == 255].min() >= 1 - CLEAR

    def test_the_seed_decides(self, clip, data):
        """The same seed gives the same clip to the bit, another seed another clip."""
        again = moving_scene("GT00", 3, COUNT, SIZE, data=data)
        other = moving_scene("GT00", 4, COUNT, SIZE, data=data)
        assert all(np.array_equal(*pair) for pair in zip(clip.frames, again.frames, strict=True))
        assert all(np.array_equal(*pair) for pair in zip(clip.alphas, again.alphas, strict=True))
        assert not np.array_equal(clip.alphas[0], other.alphas[0])

    def test_a_longer_clip_begins_like_a_shorter_one(self, clip, data):
        longer = moving_scene("GT00", 3, COUNT + 2, SIZE, data=data)
        assert np.array_equal(longer.frames[COUNT - 1], clip.frames[-1])

    def test_it_moves_smoothly(self, clip):
        """Each frame differs from the one before, and alpha's change from frame to frame stays small."""
        changes = [np.abs(after - before).mean() for before, after in zip(clip.alphas, clip.alphas[1:], strict=False)]
        assert 0 < min(changes)
        assert max(changes) < 0.1

    def test_a_cut(self, data):
        """At half the clip the picture changes at once; the first half is that of the clip without a cut."""
        uncut, cut = (moving_scene("GT00", 3, 6, SIZE, data=data, cut=cut) for cut in (False, True))
        assert np.array_equal(cut.frames[2], uncut.frames[2])
        steps = [np.abs(np.float32(b) - a).mean() for a, b in zip(cut.frames, cut.frames[1:], strict=False)]
        assert steps.index(max(steps)) == 2
        assert max(steps) > 2 * sorted(steps)[-2]

    def test_drawn_hair(self, data):
        clip = moving_scene("hair-1", 0, 2, SIZE, data=data)
        assert 0.02 < ((clip.alphas[0] > CLEAR) & (clip.alphas[0] < 1 - CLEAR)).mean() < 0.8

    def test_unknown_name(self, data):
        with pytest.raises(ValueError, match="name is 'GT99', expected one of .*'GT00', 'hair-0'"):
            moving_scene("GT99", 0, 2, SIZE, data=data)


@pytest.mark.parametrize(("spacing", "expected"), [(1, [0, 1, 2, 3, 4]), (2, [0, 2, 4]), (15, [0])])
def test_key_frames(spacing, expected):
    trimaps = list(np.zeros((5, 2, 2), np.uint8))
    keys = key_frames(trimaps, spacing)
    assert list(keys) == expected
    assert keys[0] is trimaps[0]
