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

from hybridmatte.linalg.threads import run_pieces
from hybridmatte.video import _moving_numba as kernels
from hybridmatte.video.links import Linked, flows_along, windows

__all__ = ["averaged"]

DEVIATION = 0.2  # of an alpha that is estimated from its own frame, on unknown pixels
MOVE_COST = 10.0  # nanoseconds that the kernels take for a pixel, roughly
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
    Pixels that come from outside a frame keep their alpha.
    """
    item = held[middle]
    alpha, is_unknown = item.frame.matte.alpha, item.frame.trimap == 0.5
    is_near = cv2.dilate(is_unknown.view(np.uint8), np.ones((PATCH, PATCH), np.uint8)).view(np.bool_)
    changes, weights = np.zeros_like(alpha), np.ones_like(alpha)
    moved, squares = np.empty((2, *alpha.shape), np.float32)
    cost = MOVE_COST * alpha.shape[1]
    for step in (-1, 1):
        for place, cells, _ in flows_along(held, middle, radius, step):
            other = held[place].frame.matte.alpha
            inputs = cells, alpha, other, is_near, DEVIATION
            run_pieces(kernels.move_near_rows, len(alpha), *inputs, moved, squares, cost=cost)
            near = cv2.blur(squares, (PATCH, PATCH)).astype(np.float32, copy=False)
            run_pieces(kernels.add_rows, len(alpha), is_unknown, alpha, moved, near, changes, weights, cost=cost)
    mean = np.where(is_unknown, alpha + changes / weights, alpha)
    return item.with_alpha(mean.clip(0, 1).astype(np.float32, copy=False))
