"""A second pass over time: each alpha is averaged with those of its neighbours, moved along the object.

What lies behind the object changes from frame to frame, and noise too. The errors that they cause are independent, so
their mean is smaller. The alphas of both frames are known here, so the motion is that of the cut-outs, which is several
times as exact in hair as that of the frames.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np

from hybridmatte.video.flow import Plane, leaves, warp
from hybridmatte.video.object_motion import cutout_cells, flow_of_cells
from hybridmatte.video.tracking import Matted

__all__ = ["Tracked", "smoothed"]

DEVIATION = 0.15  # of an alpha that is estimated from its own frame, on unknown pixels
PATCH = 9  # pixels: side of the window in which a moved alpha is compared with a frame's own


class Tracked(NamedTuple):
    """A frame's matte, its trimap of 0, 0.5 and 1, and whether a scene begins with it."""

    matte: Matted
    trimap: Plane
    begins: bool = False


class _Held(NamedTuple):
    """A frame with the object's flow to the frame before and from it, at cells; None if a scene begins."""

    frame: Tracked
    to_previous: Plane | None
    from_previous: Plane | None


def smoothed(frames: Iterable[Tracked], radius: int) -> Iterator[Matted]:
    """Yield mattes whose alphas are averaged over `radius` frames on each side; known pixels stay.

    A frame that is alone in its scene stays as it is. At most ``2 * radius + 1`` frames are held.
    """
    held: deque[_Held] = deque()
    middle = 0
    for frame in frames:
        held.append(_linked(held[-1].frame if held else None, frame, with_flow=radius > 0))
        if len(held) - 1 - middle == radius:
            yield _smooth(held, middle, radius)
            middle += 1
        if middle > radius:
            held.popleft()
            middle -= 1
    while middle < len(held):
        yield _smooth(held, middle, radius)
        middle += 1


def _linked(previous: Tracked | None, frame: Tracked, *, with_flow: bool) -> _Held:
    """Return a frame with its motion."""
    if previous is None or frame.begins or not with_flow:
        return _Held(frame, None, None)
    before, now = previous.matte, frame.matte
    if np.array_equal(before.image, now.image):
        still = np.zeros((1, 1, 2), np.float32)
        return _Held(frame, still, still)
    return _Held(frame, *cutout_cells(before.image, before.alpha, now.image, now.alpha))


def _smooth(held: deque[_Held], middle: int, radius: int) -> Matted:
    """Return the matte of the middle frame, averaged with its neighbours of the same scene.

    The weight of a neighbour is the inverse of the variance with which its moved alpha replaces the frame's own: that
    of an estimate, and the mean square of their difference around each pixel, as it is where the motion is wrong.
    """
    matte, trimap, _ = held[middle].frame
    alpha = matte.alpha
    change, weights = np.zeros_like(alpha), np.ones_like(alpha)
    for moved in (*_neighbours(held, middle, radius, -1), *_neighbours(held, middle, radius, 1)):
        difference = moved - alpha
        weight = 1 / (1 + cv2.blur(np.square(difference / np.float32(DEVIATION)), (PATCH, PATCH)))
        change += weight * difference
        weights += weight
    mean = np.where(trimap == 0.5, alpha + change / weights, alpha)
    return matte._replace(alpha=mean.clip(0, 1).astype(np.float32))


def _neighbours(held: deque[_Held], middle: int, radius: int, step: int) -> Iterator[Plane]:
    """Yield the alphas of the frames before (step -1) or after (step 1) at the pixels of the middle frame.

    Pixels that come from outside a frame keep the alpha of the middle frame.
    """
    own = held[middle].frame.matte.alpha
    flow: Plane | None = None
    for distance in range(1, radius + 1):
        at = middle + step * distance
        if not 0 <= at < len(held):
            return
        link = held[at + 1].to_previous if step < 0 else held[at].from_previous
        if link is None:
            return
        link = flow_of_cells(link, own.shape)
        flow = link if flow is None else flow + warp(link, flow)
        y, x = np.indices(own.shape, np.float32)
        alpha = held[at].frame.matte.alpha
        moved = cv2.remap(alpha, x + flow[..., 0], y + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        yield np.where(leaves(flow), own, moved.clip(0, 1))
