"""Alphas between key frames: moved from the key frames along the motion of the cut-outs."""

import numpy as np

from hybridmatte import matte_sequence
from hybridmatte.video import frames as frames_module
from hybridmatte.video.flow import motion_between
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


def test_what_was_solved_between_key_frames_is_not_carried_on(monkeypatch):
    """Errors of each solve added up from frame to frame: with keys every 15 frames, SAD doubled."""
    images, trimaps, _ = moving(6)
    keys = {0: trimaps[0], 5: trimaps[5]}
    guesses = []

    def spoilt(image, trimap, guess, network, *, is_carried):
        guesses.append(guess.alpha)
        matte = follow(image, trimap, guess, network, is_carried=is_carried)
        return matte._replace(alpha=1 - matte.alpha) if is_spoilt and is_carried else matte

    monkeypatch.setattr(frames_module, "follow", spoilt)
    for is_spoilt in (False, True):
        list(matte_sequence(images, keys=keys, smoothing=0))
    carried = slice(0, 4), slice(5, 9)
    assert len(guesses) == 10
    for plain, other in zip(*(guesses[part] for part in carried), strict=True):
        assert np.array_equal(plain, other)
