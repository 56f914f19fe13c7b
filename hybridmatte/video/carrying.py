"""Trimaps of the frames between key frames: alphas of both neighbouring key frames, moved along the object."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.video.flow import Frame, MotionPair, Plane, enlarged
from hybridmatte.video.tracking import Matted, Moved, moved_as_cutout

__all__ = ["carried_back", "trimap_of_moved"]

CLEAR = 0.02  # distance from 0 or 1 of an alpha that counts as opaque or clear
RELIABLE = 0.5  # where the motion is less reliable, pixels become unknown
DOUBTFUL_VARIANCE = 0.3**2  # of an alpha that counts as unknown
NARROWEST = 0.01  # of the diagonal: width by which the unknown region grows
SHARE_OF_MOTION = 0.1  # of the object's motion in a frame, added to that width


def carried_back(key: Matted, images: Sequence[Frame], motions: Sequence[MotionPair | None]) -> list[Moved | None]:
    """Return the alpha of a key frame at the frames before it; None before a cut, which breaks the chain.

    motions are those from each image to the next one, as `bounded_motion` returns them, or None at a cut.
    """
    guesses: list[Moved | None] = []
    following: Matted | None = key
    for image, motion in zip(reversed(images), reversed(motions), strict=True):
        if following is None or motion is None:
            following = None
            guesses.append(None)
            continue
        guess = moved_as_cutout(following, image, enlarged(motion, image.shape).to_next)
        guesses.append(guess)
        following = Matted(image, guess.alpha, guess.variance)
    return guesses[::-1]


def trimap_of_moved(guess: Moved) -> Plane:
    """Return the trimap (H, W) of 0, 0.5 and 1 of an alpha that was moved from another frame.

    Pixels are unknown where alpha is mixed, and in the object or beside it where alpha is in doubt or occluded. This
    region grows by a width that follows the motion. Ground far from the object stays ground.
    """
    width = max(round(NARROWEST * float(np.hypot(*guess.alpha.shape)) + SHARE_OF_MOTION * _speed(guess)), 1)
    is_mixed = (guess.alpha > CLEAR) & (guess.alpha < 1 - CLEAR)
    is_doubtful = (guess.reliability < RELIABLE) | (guess.variance > DOUBTFUL_VARIANCE)
    is_unknown = _grown(is_mixed | is_doubtful & _grown(guess.alpha > CLEAR, width), width)
    return np.where(is_unknown, np.float32(0.5), np.rint(guess.alpha))


def _grown(region: npt.NDArray[np.bool_], width: int) -> npt.NDArray[np.bool_]:
    """Return a region (H, W) with all pixels within a width, in pixels."""
    window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    return cv2.dilate(region.astype(np.uint8), window) > 0


def _speed(guess: Moved) -> float:
    """Return the median length of the object's motion, in pixels a frame."""
    lengths = np.linalg.norm(guess.flow[guess.alpha > CLEAR], axis=1)
    return float(np.median(lengths)) if lengths.size else 0.0
