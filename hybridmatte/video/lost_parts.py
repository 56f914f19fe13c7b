"""Parts of the object that a segmenter misses in a frame, carried from the frame before.

A segmenter sees each frame alone, so that it may find only a part of the object in one frame, or nothing. Where the
frame before shows the object, and the colours are the same along the motion, the pixels are still those of the object:
there, the trimap is that of the moved alpha, as between key frames. To leave the part unknown would not do: a wide
unknown region comes out half transparent.

A segmenter also finds what is no object. So a part is carried through as many frames as it was found in, and no more.
An object that leaves is not carried: its motion leads out of the frame, or the colours are others. Nor is the ground
that it uncovers, which may have its colours: there is no motion that leads back. Where the segmenter finds much of the
object elsewhere, the object has moved and its motion was not seen, so that nothing is carried.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.automatic.band import INSIDE_MIN
from hybridmatte.video.carrying import trimap_of_moved
from hybridmatte.video.flow import Motion, Plane
from hybridmatte.video.tracking import Moved

__all__ = ["Completed", "PartsSeen", "share_unseen"]

MOST_FRAMES = 12  # through which a part is carried
OPAQUE = 0.9  # moved alpha from which a pixel is the object's
RELIABLE = 0.5  # motion of object and of frames from which a moved alpha counts: a pixel that is uncovered has none
NEW = 0.5  # of what is missed: if more is found where nothing was, the object has moved and the motion was not seen
SIZEABLE = 0.05  # of the square root of the object's area: half the width of the narrowest part that is carried

Region = npt.NDArray[np.bool_]


class Completed(NamedTuple):
    """A trimap (H, W), and the shares of the object that are carried, and that are background though it was there."""

    trimap: Plane
    carried: float
    given_up: float


class PartsSeen:
    """In how many frames a segmenter has found each pixel, less those in which it has missed it.

    Parameters
    ----------
    mask : (H, W) array
        What it found in the first frame of a scene.
    """

    def __init__(self, mask: Plane) -> None:
        self._counts = (mask >= INSIDE_MIN).astype(np.uint8)

    def completed(self, trimap: Plane, mask: Plane, guess: Moved, motion: Motion) -> Completed:
        """Return the trimap along the outline of a frame's mask, with the parts that the mask misses carried to it.

        guess is the alpha of the frame before, moved along the object's motion; motion is that of the frames.
        """
        y, x = np.indices(mask.shape, np.float32)
        at = x + guess.flow[..., 0], y + guess.flow[..., 1]
        counts = cv2.remap(self._counts, *at, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        area = float(guess.alpha.sum())
        width = max(round(SIZEABLE * float(np.sqrt(area))), 1)
        is_found = mask >= INSIDE_MIN
        is_object = (guess.alpha > OPAQUE) & (np.minimum(guess.reliability, motion.reliability) > RELIABLE)
        is_missed = _sizeable(is_object & ~is_found & (trimap != 1), width)
        is_new = _sizeable(is_found & (guess.alpha < INSIDE_MIN), width)
        if np.count_nonzero(is_new) > NEW * np.count_nonzero(is_missed):
            is_missed = np.zeros_like(is_missed)
        is_lost = _sizeable(is_missed & (counts > 0), width)
        self._counts = np.where(is_found, np.minimum(counts + 1, MOST_FRAMES), counts - (counts > 0)).astype(np.uint8)
        if is_lost.any():
            is_nearer = _distance(is_lost) < _distance(trimap == 1)
            trimap = np.where(is_nearer, trimap_of_moved(guess), trimap)
        is_given_up = _sizeable(is_missed & ~is_lost & (trimap == 0), width)
        carried, given_up = (np.count_nonzero(region) / max(area, 1.0) for region in (is_lost, is_given_up))
        return Completed(trimap, carried, given_up)


def share_unseen(trimap: Plane, guess: Moved) -> float:
    """Return the share of the foreground of a key frame's trimap that the frames before it do not show.

    guess is the alpha of the frame before, moved to the key frame. Narrow parts are left out: they are edges.
    """
    is_foreground = trimap == 1
    area = float(np.count_nonzero(is_foreground))
    is_unseen = _sizeable(is_foreground & (guess.alpha < INSIDE_MIN), max(round(SIZEABLE * float(np.sqrt(area))), 1))
    return float(np.count_nonzero(is_unseen)) / max(area, 1.0)


def _sizeable(region: Region, width: int) -> Region:
    """Return the parts of a region (H, W) that contain a disc of a radius in pixels; narrower ones are edges."""
    return _distance(_distance(~region) > width) <= width if region.any() else region


def _distance(region: Region) -> Plane:
    """Return the distance (H, W) of each pixel from a region, infinite if that is empty."""
    if not region.any():
        return np.full(region.shape, np.inf, np.float32)
    distance = cv2.distanceTransform((~region).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return distance.astype(np.float32, copy=False)
