"""A run that continues after an interruption gives the alphas of one that was not interrupted, to the bit."""

import numpy as np
import pytest

from hybridmatte import matte_sequence
from tests.synthetic import soft_disk


class Kept(dict):
    """A store in memory."""

    def load(self, index):
        return self.get(index)

    def save(self, index, alpha, variance):
        self[index] = alpha.copy(), variance.copy()


@pytest.fixture(scope="module")
def clip():
    """Six frames of a moving disk, and their trimaps."""
    scene = soft_disk((48, 64))
    images = [np.roll(scene.image, 2 * k, axis=1) for k in range(6)]
    return images, [np.roll(scene.trimap, 2 * k, axis=1) for k in range(6)]


@pytest.mark.parametrize("by_key", [False, True], ids=["trimaps", "keys"])
def test_a_run_continues_from_what_was_kept(clip, by_key):
    """Smoothing over time and key frames need more of a frame than its alpha."""
    images, trimaps = clip
    hints = {"keys": {0: trimaps[0], 5: trimaps[5]}} if by_key else {"trimaps": trimaps}
    whole = Kept()
    expected = list(matte_sequence(images, **hints, store=whole))
    assert sorted(whole) == list(range(6))
    for n_kept in (1, 4):
        kept = Kept({index: whole[index] for index in range(n_kept)})
        again = list(matte_sequence(images, **hints, store=kept))
        assert all(np.array_equal(one, other) for one, other in zip(again, expected, strict=True))
