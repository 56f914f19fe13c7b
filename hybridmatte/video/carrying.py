"""Trimaps of the frames between key frames."""

from __future__ import annotations

import cv2
import numpy as np

from hybridmatte.video.flow import Plane
from hybridmatte.video.tracking import Moved

__all__ = ["trimap_of_moved"]

CLEAR = 0.02  # distance from 0 or 1 of an alpha that counts as opaque or clear
RELIABLE = 0.5  # where the motion is less reliable, pixels become unknown
NARROWEST = 0.006  # of the diagonal: width by which the unknown region grows


def trimap_of_moved(guess: Moved) -> Plane:
    """Return the trimap (H, W) of 0, 0.5 and 1 of an alpha that was moved from another frame."""
    is_unknown = (guess.alpha > CLEAR) & (guess.alpha < 1 - CLEAR) | (guess.reliability < RELIABLE)
    width = max(round(NARROWEST * float(np.hypot(*guess.alpha.shape))), 1)
    window = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    is_unknown = cv2.dilate(is_unknown.astype(np.uint8), window) > 0
    return np.where(is_unknown, np.float32(0.5), np.rint(guess.alpha))
