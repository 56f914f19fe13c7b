"""A second pass over time: each alpha is averaged with those of its neighbours, moved along the object.

What lies behind the object changes from frame to frame, and noise too. The errors that they cause are independent, so
their mean is smaller. The alphas of both frames are known here, so the motion is that of the cut-outs, which is several
times as exact in hair as that of the frames.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from hybridmatte.video.flow import Plane, leaves, warped_alpha
from hybridmatte.video.links import Linked, flows_along, windows
from hybridmatte.video.object_motion import flow_of_cells

__all__ = ["averaged"]

DEVIATION = 0.15  # of an alpha that is estimated from its own frame, on unknown pixels
PATCH = 9  # pixels: side of the window in which a moved alpha is compared with a frame's own


def averaged(items: Iterable[Linked], radius: int) -> Iterator[Linked]:
    """Yield frames whose alphas are averaged over `radius` frames on each side; known pixels stay.

    A frame that is alone in its scene stays as it is. At most ``2 * radius + 1`` frames are held.
    """
    return (_smooth(held, middle, radius) for held, middle in windows(items, radius))


def _smooth(held: deque[Linked], middle: int, radius: int) -> Linked:
    """Return the middle frame, with its alpha averaged with its neighbours of the same scene.

    The weight of a neighbour is the inverse of the variance with which its moved alpha replaces the frame's own: that
    of an estimate, and the mean square of their difference around each pixel, as it is where the motion is wrong.
    """
    item = held[middle]
    alpha, is_unknown = item.frame.matte.alpha, item.frame.trimap == 0.5
    change, weights = np.zeros_like(alpha), np.ones_like(alpha)
    for moved in (*_neighbours(held, middle, radius, -1), *_neighbours(held, middle, radius, 1)):
        difference = moved - alpha
        weight = 1 / (1 + cv2.blur(np.square(difference / np.float32(DEVIATION)), (PATCH, PATCH)))
        change += weight * difference
        weights += weight
    mean = np.where(is_unknown, alpha + change / weights, alpha)
    return item.with_alpha(mean.clip(0, 1).astype(np.float32))


def _neighbours(held: deque[Linked], middle: int, radius: int, step: int) -> Iterator[Plane]:
    """Yield the alphas of the frames before (step -1) or after (step 1) at the pixels of the middle frame.

    Pixels that come from outside a frame keep the alpha of the middle frame.
    """
    own = held[middle].frame.matte.alpha
    for place, cells, _ in flows_along(held, middle, radius, step):
        flow = flow_of_cells(cells, own.shape)
        yield np.where(leaves(flow), own, warped_alpha(held[place].frame.matte.alpha, flow))
