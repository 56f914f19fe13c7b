"""Alphas between key frames: moved from the key frames along the motion of the cut-outs."""

import numpy as np
import pytest

from hybridmatte import matte_sequence
from hybridmatte.automatic.from_mask import trimap_of_mask
from hybridmatte.errors import collected_warnings
from hybridmatte.video import frames as frames_module
from hybridmatte.video.carrying import carried_back
from hybridmatte.video.flow import bounded_motion, motion_between
from hybridmatte.video.frames import tracked_frames
from hybridmatte.video.hint_sources import hints_of
from hybridmatte.video.hints import GivenTrimap, Settings
from hybridmatte.video.tracking import Matted, follow, moved, moved_as_cutout
from tests.video.test_flow import texture
from tests.video.test_sequence import moving
from tests.video.test_smoothing import SHAPE, hair, over

SHIFTS = (0, 3, 6, 9)


def test_hair_is_carried_over_several_frames_along_the_motion_of_the_cut_outs():
    """Between the strands, the motion of the frames is that of the ground; its errors add up."""
    alphas = [hair(shift, core=22, tips=34) for shift in SHIFTS]
    grounds = [np.roll(texture(2, SHAPE), -k, axis=1) for k in range(len(SHIFTS))]
    images = [over(*layers) for layers in zip(alphas, grounds, SHIFTS, strict=True)]
    errors = []
    for move in (moved_as_cutout, moved):
        carried = Matted(images[0], alphas[0], np.zeros(SHAPE, np.float32))
        for before, image in zip(images, images[1:], strict=False):
            guess = move(carried, image, motion_between(before, image).to_previous)
            carried = Matted(image, guess.alpha, guess.variance)
        errors.append(np.abs(carried.alpha - alphas[-1]).mean())
    assert errors[0] < 0.7 * errors[1]


@pytest.mark.filterwarnings("ignore:keys has 100%")  # of the alphas that the test spoils
def test_what_was_solved_between_key_frames_is_not_carried_on(monkeypatch):
    """Errors of each solve added up from frame to frame: with keys every 15 frames, SAD doubled."""
    images, trimaps, _ = moving(6)
    keys = {0: trimaps[0], 5: trimaps[5]}
    guesses = []

    def recorded(image, trimap, guess, network, *, is_carried):
        guesses.append(guess.alpha)
        return follow(image, trimap, guess, network, is_carried=is_carried)

    def spoilt(image, trimap, guess, network, *, is_carried):
        matte = recorded(image, trimap, guess, network, is_carried=is_carried)
        return matte._replace(alpha=1 - matte.alpha) if is_carried else matte

    for solve in (recorded, spoilt):
        monkeypatch.setattr(frames_module, "follow", solve)
        list(matte_sequence(images, keys=keys, smoothing=0))
    assert len(guesses) == 8
    for plain, other in zip(guesses[:4], guesses[4:], strict=True):
        assert np.array_equal(plain, other)


@pytest.mark.parametrize("is_cut_before_key", [False, True], ids=["one scene", "cut before the key frame"])
def test_a_key_frame_is_solved_once_and_each_motion_computed_once(monkeypatch, is_cut_before_key):
    """To carry a key frame back, it was solved once more, and the motion of each pair computed once more."""
    images, trimaps, _ = moving(5)
    cuts = iter([False, False, False, is_cut_before_key])
    counts = {"alone": 0, "motion": 0}

    def counted(name, function):
        def call(*arguments):
            counts[name] += 1
            return function(*arguments)

        return call

    monkeypatch.setattr(GivenTrimap, "alone", counted("alone", GivenTrimap.alone))
    monkeypatch.setattr(frames_module, "bounded_motion", counted("motion", bounded_motion))
    monkeypatch.setattr(frames_module, "is_cut", lambda *_: next(cuts))
    list(matte_sequence(images, keys={0: trimaps[0], 4: trimaps[4]}, smoothing=0))
    assert counts == {"alone": 2, "motion": 3 if is_cut_before_key else 4}


def test_before_the_first_key_frame_that_key_counts_once(monkeypatch):
    """What was moved back from it was moved forward again and taken for a second witness."""
    images, trimaps, _ = moving(5)
    (key,) = matte_sequence([images[3]], keys={0: trimaps[3]})
    guesses = []

    def recorded(image, trimap, guess, network, *, is_carried):
        guesses.append(guess)
        return follow(image, trimap, guess, network, is_carried=is_carried)

    monkeypatch.setattr(frames_module, "follow", recorded)
    list(matte_sequence(images[:4], keys={3: trimaps[3]}, smoothing=0))
    motions = [bounded_motion(*pair) for pair in zip(images[:3], images[1:], strict=False)]
    expected = carried_back(Matted(images[3], key, np.zeros_like(key)), images[:3], motions)
    for found, wanted in zip(guesses, expected, strict=False):
        assert np.array_equal(found.alpha, wanted.alpha)


def test_a_key_frame_that_equals_the_frame_before_is_where_carrying_begins(monkeypatch):
    images, trimaps, _ = moving(4)
    carried_from = []

    def recorded(previous, image, motion):
        carried_from.append(previous.alpha)
        return moved_as_cutout(previous, image, motion)

    monkeypatch.setattr(frames_module, "moved_as_cutout", recorded)
    images[2] = images[1]
    settings = Settings("best", "research")
    source = hints_of(None, None, {0: trimaps[0]}, settings)
    (_, second) = tracked_frames(images[:2], source, settings, 16)
    found = list(matte_sequence(images, keys={0: trimaps[0], 2: second.trimap}, smoothing=0, window=1))
    assert np.array_equal(carried_from[-1], found[2])


@pytest.mark.parametrize(("window", "warnings"), [(1, 1), (8, 0)])
def test_what_came_into_view_between_key_frames_is_warned_of(window, warnings):
    """Frames that are nearer than the window to the next key frame are carried back from it too."""
    images, trimaps, _ = moving(6)
    entered = np.zeros(trimaps[0].shape, bool)
    entered[-16:, :24] = True
    for image, trimap in zip(images[2:], trimaps[2:], strict=True):
        image[entered], trimap[entered] = (0.9, 0.9, 0.1), 1
    with collected_warnings() as said:
        list(matte_sequence(images, keys={0: trimaps[0], 5: trimaps[5]}, smoothing=0, window=window))
    messages = [message for message, _ in said if "came into view" in message]
    shares = [float(message.split("%")[0].removeprefix("keys has ")) / 100 for message in messages]
    assert shares == pytest.approx([entered.sum() / (trimaps[5] == 1).sum()] * warnings, abs=0.05)
    assert all(message.endswith("(frame 5)") for message in messages)


@pytest.mark.parametrize(("window", "count"), [(1, 1), (8, 0)])
def test_the_band_of_a_key_mask_is_drawn_once(monkeypatch, window, count):
    """A network corrects the mask for it; a key frame that is solved alone has its trimap already."""
    images, _, alphas = moving(5)
    drawn = []

    def recorded(*arguments, **options):
        drawn.append(arguments)
        return trimap_of_mask(*arguments, **options)

    monkeypatch.setattr("hybridmatte.video.hints.trimap_of_mask", recorded)
    masks = {k: alphas[k] > 0.5 for k in (0, 4)}
    list(matte_sequence(images, keys=masks, smoothing=0, window=window))
    assert len(drawn) == count
