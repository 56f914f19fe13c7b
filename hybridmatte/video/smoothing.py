"""A second pass over time: each alpha is averaged with those of its neighbours, moved along the object."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np

from hybridmatte.video.flow import Plane, warp
from hybridmatte.video.tracking import Matted

__all__ = ["Tracked", "smoothed"]

ALIKE = 0.2  # difference from a frame's own alpha at which a moved alpha's weight falls to exp(-1/2)


class Tracked(NamedTuple):
    """A matte, its trimap, and the object's flow (H, W, 2) to the previous frame and from that; None in a new scene."""

    matte: Matted
    trimap: Plane
    to_previous: Plane | None = None
    from_previous: Plane | None = None


def smoothed(frames: Iterable[Tracked], radius: int) -> Iterator[Matted]:
    """Yield mattes whose alphas are averaged over `radius` frames on each side; known pixels stay.

    The first frame of a scene, which was estimated alone, stays as it is, and so does a clip of one frame. At most
    ``2 * radius + 1`` frames are held.
    """
    held: deque[Tracked] = deque()
    middle = 0
    for frame in frames:
        held.append(frame)
        if len(held) - 1 - middle == radius:
            yield _smooth(held, middle, radius)
            middle += 1
        if middle > radius:
            held.popleft()
            middle -= 1
    while middle < len(held):
        yield _smooth(held, middle, radius)
        middle += 1


def _smooth(held: deque[Tracked], middle: int, radius: int) -> Matted:
    """Return the matte of the middle frame, averaged with its neighbours of the same scene."""
    own = held[middle]
    if radius == 0 or own.to_previous is None:
        return own.matte
    alpha = own.matte.alpha
    change, weights = np.zeros_like(alpha), np.ones_like(alpha)
    for other in (*_neighbours(held, middle, radius, -1), *_neighbours(held, middle, radius, 1)):
        weight = np.exp(-0.5 * np.square((other - alpha) / ALIKE), dtype=np.float32)
        change += weight * (other - alpha)
        weights += weight
    mean = np.where(own.trimap == 0.5, alpha + change / weights, alpha)
    return own.matte._replace(alpha=mean.clip(0, 1).astype(np.float32))


def _neighbours(held: deque[Tracked], middle: int, radius: int, step: int) -> Iterator[Plane]:
    """Yield the alphas of the frames before (step -1) or after (step 1) at the pixels of the middle frame."""
    flow: Plane | None = None
    for distance in range(1, radius + 1):
        at = middle + step * distance
        if not 0 <= at < len(held):
            return
        link = held[at + 1].to_previous if step < 0 else held[at].from_previous
        if link is None:
            return
        flow = link if flow is None else flow + warp(link, flow)
        y, x = np.indices(flow.shape[:2], np.float32)
        at_pixels = x + flow[..., 0], y + flow[..., 1]
        yield cv2.remap(held[at].matte.alpha, *at_pixels, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE).clip(0, 1)
