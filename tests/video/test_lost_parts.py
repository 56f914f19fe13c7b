"""A part of the object that a segmenter misses is carried from the frame before; what has gone is not."""

import cv2
import numpy as np
import pytest

from hybridmatte import matte_sequence
from hybridmatte.video.flow import is_cut
from tests.video.test_flow import texture

SHAPE = (60, 90)
ROWS, COLUMNS = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
GROUND, SKIN = texture(2, SHAPE) * np.float32([0.3, 0.5, 1]), texture(3, SHAPE) * np.float32([1, 0.4, 0.3])


def clip(n, step=2, column=30):
    """Return frames and alphas of a soft disk that moves over a ground that does not."""
    alphas = [np.clip((14 - np.hypot(ROWS - 30, COLUMNS - column - step * k)) / 3, 0, 1) for k in range(n)]
    return [over(alpha, np.roll(SKIN, step * k, axis=1)) for k, alpha in enumerate(alphas)], alphas


def over(alpha, colours):
    return alpha[..., None] * colours + (1 - alpha[..., None]) * GROUND


def found(frames, masks, store=None):
    """Return alphas of frames in which a segmenter finds the given masks."""
    rest = iter(masks)
    options = {"quality": "fast", "weights": "free", "smoothing": 0, "store": store}
    return list(matte_sequence(frames, masks=lambda _: np.float32(next(rest)), **options))


class Kept(dict):
    """A store of the frames before one."""

    end = 0

    def load(self, index):
        return self[index] if index < self.end else None

    def save(self, index, alpha, variance):
        self[index] = alpha, variance


@pytest.mark.parametrize("share", [0, 0.5], ids=["nothing is found", "half is found"])
def test_what_is_missed_in_one_frame_is_carried(share):
    """The alpha of that frame had a hole."""
    frames, alphas = clip(5)
    masks = [alpha > 0.5 for alpha in alphas]
    masks[2] = masks[2] & (COLUMNS < 34 - 14 + 28 * share)
    said = r"misses \d+% of the object that the frame before shows; it is carried from there \(frame 2\)"
    with pytest.warns(UserWarning, match=said) as caught:
        result = found(frames, masks)
    assert len(caught) == 1
    assert max(np.abs(one - alpha).mean() for one, alpha in zip(result, alphas, strict=True)) < 0.02


def test_a_carried_part_stays_while_the_picture_stands_still():
    """The count of frames through which it may be carried went down, and the part went out after twelve."""
    frames, alphas = clip(4)
    masks = [alpha > 0.5 for alpha in alphas]
    masks[3] = masks[3] & (COLUMNS < 34)
    still = 15
    with pytest.warns(UserWarning, match=r"carried from there \(frame 3\)"):
        result = found(frames + [frames[3]] * still, masks + [masks[3]] * still)
    assert all(np.array_equal(alpha, result[3]) for alpha in result[4:])
    assert np.abs(result[-1] - alphas[3]).mean() < 0.02


def test_frames_in_a_row_are_named_together():
    frames, alphas = clip(9)
    masks = [(alpha > 0.5) & (k not in (4, 5, 6)) for k, alpha in enumerate(alphas)]
    with pytest.warns(UserWarning, match="misses") as caught:
        result = found(frames, masks)
    ends = [str(one.message)[str(one.message).rindex("(") :] for one in caught]
    assert ends == ["(frame 4)", "(frame 6, and all from 4 on)"]
    assert max(np.abs(one - alpha).mean() for one, alpha in zip(result, alphas, strict=True)) < 0.02


@pytest.mark.parametrize("end", [4, 5])
def test_a_run_that_continues_gives_the_same(end):
    frames, alphas = clip(8)
    masks = [(alpha > 0.5) & (k not in (3, 4, 6)) for k, alpha in enumerate(alphas)]
    store = Kept()
    with pytest.warns(UserWarning, match="misses"):
        expected = found(frames, masks, store)
    store.end = end
    with pytest.warns(UserWarning, match="misses"):
        assert np.array_equal(found(frames, masks, store), expected)


def test_a_given_mask_is_taken_as_it_is():
    frames, alphas = clip(3)
    masks = [alpha > 0.5 for alpha in alphas]
    masks[1] = np.zeros(SHAPE)
    result = list(matte_sequence(frames, masks=masks, quality="fast", weights="free", smoothing=0))
    assert not result[1].any()


def test_an_object_that_leaves_the_frame_has_left():
    frames, alphas = clip(9, step=8, column=50)
    result = found(frames, [alpha > 0.5 for alpha in alphas])
    assert not alphas[-1].any()
    assert not result[-1].any()
    assert max(np.abs(one - alpha).mean() for one, alpha in zip(result, alphas, strict=True)) < 0.02


@pytest.mark.parametrize("step", [12, 24], ids=["the round trip fails", "the motion is not seen"])
def test_ground_of_the_objects_colours_that_is_uncovered_is_not_the_object(step):
    """Dark cars behind a man in a dark suit became parts of him as he left."""
    shape = (180, 270)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    ground, skin = (0.2 + 0.2 * texture(seed, shape) for seed in (2, 3))
    alphas = [np.clip((42 - np.hypot(y - 90, x - 80 - step * k)) / 4, 0, 1) for k in range(4)]
    frames = [
        alpha[..., None] * np.roll(skin, step * k, axis=1) + (1 - alpha[..., None]) * ground
        for k, alpha in enumerate(alphas)
    ]
    result = found(frames, [alpha > 0.5 for alpha in alphas])
    assert max(np.abs(one - alpha).mean() for one, alpha in zip(result, alphas, strict=True)) < 0.02


def test_an_object_that_vanishes_has_gone():
    """The ground stays, so that no scene begins."""
    frames, alphas = clip(3)
    frames += [GROUND, GROUND]
    assert not is_cut(frames[2], frames[3])
    result = found(frames, [*(alpha > 0.5 for alpha in alphas), np.zeros(SHAPE), np.zeros(SHAPE)])
    assert not np.any(result[3:])


def test_nothing_is_carried_over_a_cut():
    frames, alphas = clip(3)
    frames.append(cv2.flip(texture(7, SHAPE), -1))
    assert is_cut(*frames[2:])
    with pytest.warns(UserWarning, match=r"nothing is found in the image.*\(frame 3\)"):
        result = found(frames, [*(alpha > 0.5 for alpha in alphas), np.zeros(SHAPE)])
    assert not result[3].any()


def test_what_is_found_by_mistake_is_carried_no_longer_than_it_was_found():
    frames, alphas = clip(7)
    masks = [alpha > 0.5 for alpha in alphas]
    wrong = (ROWS > 6) & (ROWS < 22) & (COLUMNS > 66) & (COLUMNS < 84)
    masks[2] = masks[2] | wrong
    with pytest.warns(UserWarning, match="misses") as caught:
        result = found(frames, masks)
    assert [str(one.message).split("; ")[1] for one in caught] == [
        "it is carried from there (frame 3)",
        "it is left out, as it was found in too few frames before (frame 4)",
    ]
    assert not np.any([alpha[wrong] for alpha in result[4:]])
