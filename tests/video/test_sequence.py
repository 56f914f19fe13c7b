"""`matte_sequence`: what callers rely on, on small clips."""

import cv2
import numpy as np
import pytest

from hybridmatte import matte, matte_from_mask, matte_sequence
from hybridmatte.linalg.threads import thread_limit
from hybridmatte.video.clean_plate import REACH
from tests.synthetic import soft_disk

SCENE = soft_disk((45, 61), noise=0.0)


def moving(n, step=(1, 0), noise=0.0, seed=0):
    """Return frames, trimaps and alphas of the disk, which the frame moves over."""
    rng, large = np.random.default_rng(seed), soft_disk((65, 81), noise=0.0)
    frames, trimaps, alphas = [], [], []
    texture = cv2.GaussianBlur(rng.random((65, 81, 3)).astype(np.float32), (0, 0), 1.5) * 0.4
    for k in range(n):
        crop = slice(8 + k * step[1], 53 + k * step[1]), slice(8 + k * step[0], 69 + k * step[0])
        image = (0.8 * large.image + texture)[crop] + noise * rng.standard_normal((45, 61, 3))
        frames.append(image.clip(0, 1).astype(np.float32))
        trimaps.append(large.trimap[crop].copy())
        alphas.append(large.alpha[crop])
    return frames, trimaps, alphas


@pytest.mark.parametrize("quality", ["best", "fast"])
def test_a_clip_of_one_frame_gives_what_matte_gives(quality):
    (alpha,) = matte_sequence([SCENE.image], [SCENE.trimap], quality=quality)
    assert np.array_equal(alpha, matte(SCENE.image, SCENE.trimap, quality=quality))


@pytest.mark.slow
def test_one_frame_with_a_mask_gives_what_matte_from_mask_gives():
    mask = SCENE.alpha > 0.5
    (alpha,) = matte_sequence([SCENE.image], masks=[mask])
    assert np.array_equal(alpha, matte_from_mask(SCENE.image, mask).alpha)


def test_one_key_frame_of_one_frame_gives_what_matte_gives():
    (alpha,) = matte_sequence([SCENE.image], keys={0: SCENE.trimap})
    assert np.array_equal(alpha, matte(SCENE.image, SCENE.trimap))


def test_known_pixels_of_given_trimaps_are_exact():
    frames, trimaps, _ = moving(4, noise=0.02)
    for alpha, trimap in zip(matte_sequence(frames, trimaps), trimaps, strict=True):
        assert np.array_equal(alpha[trimap != 0.5], trimap[trimap != 0.5])


def test_identical_frames_keep_identical_alphas():
    alphas = list(matte_sequence([SCENE.image] * 50, [SCENE.trimap] * 50))
    assert all(np.array_equal(alpha, alphas[0]) for alpha in alphas)


def test_the_matte_follows_a_moving_object():
    frames, trimaps, alphas = moving(6, noise=0.02)
    found = list(matte_sequence(frames, trimaps))
    alone = [matte(frame, trimap) for frame, trimap in zip(frames, trimaps, strict=True)]
    error, control = (np.mean(np.abs(np.array(one) - alphas)) for one in (found, alone))
    assert error <= 1.1 * control


def test_a_cut_begins_anew():
    frames, trimaps, _ = moving(2)
    other = np.random.default_rng(5).random((9, 12, 3)).astype(np.float32)
    other = cv2.resize(other, (61, 45), interpolation=cv2.INTER_NEAREST)
    frames, trimaps = [*frames, other], [*trimaps, trimaps[0]]
    assert np.array_equal(list(matte_sequence(frames, trimaps))[2], matte(other, trimaps[0]))


def test_frames_between_key_frames_get_a_trimap():
    frames, trimaps, alphas = moving(7)
    found = list(matte_sequence(frames, keys={0: trimaps[0], 6: trimaps[6]}))
    assert len(found) == 7
    assert np.mean(np.abs(np.array(found) - alphas)) < 0.03


def test_frames_before_the_first_key_frame_are_carried_backward():
    frames, trimaps, alphas = moving(4)
    found = list(matte_sequence(frames, keys={3: trimaps[3]}))
    assert np.mean(np.abs(np.array(found) - alphas)) < 0.03


@pytest.mark.slow
def test_a_mask_may_be_a_key_frame():
    frames, _, alphas = moving(3)
    found = list(matte_sequence(frames, keys={0: alphas[0] > 0.5}))
    assert np.mean(np.abs(np.array(found) - alphas)) < 0.05


def test_frames_far_before_a_key_frame_need_a_larger_window():
    frames, trimaps, _ = moving(6)
    with pytest.raises(ValueError, match=r"keys has no key frame in this scene near enough.*raise window \(frame 0\)"):
        list(matte_sequence(frames, keys={5: trimaps[5]}, window=2))


def test_a_segmenter_finds_the_object_in_each_frame():
    frames, _, alphas = moving(2)
    found = list(matte_sequence(frames, masks=lambda image: np.float32(image[:, :, 0] > image[:, :, 2])))
    assert [alpha.shape for alpha in found] == [alpha.shape for alpha in alphas]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float32])
def test_an_object_may_leave_the_frame(dtype):
    """An empty mask of float32 was refused."""
    frames, trimaps, alphas = moving(2)
    found = list(matte_sequence(frames, masks=[alphas[0] > 0.5, np.zeros((45, 61), dtype)], smoothing=0))
    assert not found[1].any()
    found = list(matte_sequence(frames, [trimaps[0], np.zeros((45, 61))], smoothing=0))
    assert not found[1].any()


@pytest.mark.parametrize("name", ["trimaps", "masks", "keys"])
def test_hints_of_a_wrong_kind_name_the_argument(name):
    """A number as masks was "'int' object is not iterable"."""
    frames, _, _ = moving(1)
    with pytest.raises(TypeError, match=f"{name} is of type int, expected "):
        list(matte_sequence(frames, **{name: 3}))


def test_masks_that_are_given_as_trimaps_give_a_warning():
    """Alpha was 0 and 1, without a word."""
    frames, _, alphas = moving(3)
    hard = [alpha > 0.5 for alpha in alphas]
    with pytest.warns(UserWarning, match=r"trimap has no unknown pixel, .*--masks"):
        list(matte_sequence(frames, hard, smoothing=0))


def test_a_later_frame_may_lack_known_foreground():
    frames, trimaps, alphas = moving(2)
    found = list(matte_sequence(frames, [trimaps[0], trimaps[1] / 2]))
    assert np.mean(np.abs(found[1] - alphas[1])) < 0.1


def test_foreground_colours_come_with_alpha():
    frames, trimaps, _ = moving(2)
    for (alpha, foreground), frame in zip(matte_sequence(frames, trimaps, with_foreground=True), frames, strict=True):
        assert foreground.shape == frame.shape
        assert np.array_equal(foreground[alpha == 1], frame[alpha == 1])


def test_uint8_frames_and_odd_sizes():
    frames, trimaps, _ = moving(3)
    small = [np.uint8(255 * frame[:17, 3:]) for frame in frames], [trimap[:17, 3:] for trimap in trimaps]
    assert [alpha.shape for alpha in matte_sequence(*small)] == [(17, 58)] * 3


def test_results_come_one_by_one_and_frames_are_held_in_a_window():
    frames, trimaps, _ = moving(12)
    taken = []

    def reader():
        for index, frame in enumerate(frames):
            taken.append(index)
            yield frame

    for index, _ in enumerate(matte_sequence(reader(), iter(trimaps), smoothing=1)):
        assert len(taken) <= index + 2 + REACH + 1
    taken.clear()
    for index, _ in enumerate(matte_sequence(reader(), iter(trimaps), smoothing=0)):
        assert len(taken) <= index + 1


def test_a_reader_may_reuse_its_array():
    frames, trimaps, _ = moving(5)
    buffer = np.empty_like(frames[0])

    def reader():
        for frame in frames:
            buffer[:] = frame
            yield buffer

    keys = {0: trimaps[0], 4: trimaps[4]}
    expected = list(matte_sequence(frames, keys=keys))
    assert np.array_equal(list(matte_sequence(reader(), keys=keys)), expected)


def test_any_number_of_threads_gives_the_same_alphas():
    frames, trimaps, _ = moving(3, noise=0.02)
    expected = list(matte_sequence(frames, trimaps))
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        with thread_limit(1):
            assert np.array_equal(list(matte_sequence(frames, trimaps)), expected)
    finally:
        cv2.setNumThreads(threads)


def test_no_frames_give_no_alphas():
    assert list(matte_sequence([], [])) == []
    assert list(matte_sequence([], masks=[])) == []
    assert list(matte_sequence([])) == []


BAD = {
    "sizes differ": ((lambda f, t: ([f[0], f[1][1:]], t)), {}, r"frame 1 has shape \(44, 61, 3\) but frame 0"),
    "NaN": ((lambda f, t: ([f[0], f[1] * np.nan], t)), {}, "frame 1 has 8235 NaN"),
    "few trimaps": ((lambda f, t: (f, t[:1])), {}, r"trimaps ends after 1, expected one for each frame.*\(frame 1\)"),
    "many trimaps": ((lambda f, t: (f, [*t, t[0]])), {}, "trimaps goes on after the last of 2 frames"),
    "no foreground": ((lambda f, t: (f, [t[0] / 2, t[1]])), {}, r"trimap has no foreground pixel.*\(frame 0\)"),
    "trimap of another size": ((lambda f, t: (f, [t[0], t[1][1:]])), {}, r"trimap has shape .*\(frame 1\)"),
}


@pytest.mark.parametrize(("change", "options", "message"), BAD.values(), ids=list(BAD))
def test_bad_clips_are_refused(change, options, message):
    frames, trimaps = change(*moving(2)[:2])
    with pytest.raises(ValueError, match=message):
        list(matte_sequence(frames, trimaps, **options))


def test_bad_keys_are_refused():
    frames, trimaps, _ = moving(2)
    with pytest.raises(ValueError, match="keys is empty, expected at least one key frame"):
        matte_sequence(frames, keys={})
    with pytest.raises(ValueError, match="keys has the frame -1, expected integers of at least 0"):
        matte_sequence(frames, keys={-1: trimaps[0]})
    with pytest.raises(ValueError, match="keys has frame 9, expected frames of the clip, which has 2"):
        list(matte_sequence(frames, keys={0: trimaps[0], 9: trimaps[1]}))


def test_bad_options_are_refused_at_once():
    frames, trimaps, _ = moving(1)
    with pytest.raises(ValueError, match="trimaps and masks are given, expected one of trimaps, masks and keys"):
        matte_sequence(frames, trimaps, trimaps)
    with pytest.raises(ValueError, match="quality is 'good', expected 'best' or 'fast'"):
        matte_sequence(frames, trimaps, quality="good")
    with pytest.raises(ValueError, match="smoothing is -1, expected an integer of at least 0"):
        matte_sequence(frames, trimaps, smoothing=-1)
    with pytest.raises(ValueError, match="window is 0, expected an integer of at least 1"):
        matte_sequence(frames, trimaps, window=0)
    with pytest.raises(TypeError, match="frames is the path 'clip.mp4', expected arrays"):
        matte_sequence("clip.mp4")
    with pytest.raises(ValueError, match="weights is 'free', and the bundled finder has research weights only"):
        matte_sequence(frames, weights="free")
