"""Frames in a chain: the motion of object and ground between neighbours, and along several frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.video.flow import MotionPair, Plane
from hybridmatte.video.ground_motion import ground_cells, shown_ground
from hybridmatte.video.object_motion import cell_size, cutout_cells
from hybridmatte.video.tracking import Matted

__all__ = ["NO_LAYERS", "StoredLayers", "Linked", "Tracked", "flows_along", "linked", "windows"]


class Tracked(NamedTuple):
    """A frame's matte, its trimap of 0, 0.5 and 1, whether a scene begins with it, and its motion.

    The motion is that of the frames; None if a scene begins or the frame equals the one before.
    """

    matte: Matted
    trimap: Plane
    begins: bool = False
    motion: MotionPair | None = None


class StoredLayers(NamedTuple):
    """Colours of object and ground, (H, W, 3) uint16."""

    foreground: npt.NDArray[np.uint16]
    background: npt.NDArray[np.uint16]


NO_LAYERS = StoredLayers(*np.empty((2, 0, 0, 3), np.uint16))


class Link(NamedTuple):
    """The motion of a layer from a frame to the one before and from that to the frame, at cells (h, w, 2)."""

    to_previous: Plane
    from_previous: Plane


class Linked(NamedTuple):
    """A frame with the motion of its object and of its ground, None if a scene begins, and the colours of both.

    Where the colours are not needed, they have no pixel.
    """

    frame: Tracked
    object: Link | None
    ground: Link | None
    layers: StoredLayers = NO_LAYERS

    def with_alpha(self, alpha: Plane) -> Linked:
        """Return the frame with another alpha."""
        return self._replace(frame=self.frame._replace(matte=self.frame.matte._replace(alpha=alpha)))


def linked(frames: Iterable[Tracked]) -> Iterator[Linked]:
    """Yield frames with the motion of their layers."""
    previous: tuple[Tracked, Plane] | None = None
    for frame in frames:
        now = frame, shown_ground(frame.matte.image, frame.trimap == 0)
        yield _linked(previous, now)
        previous = now


def _linked(previous: tuple[Tracked, Plane] | None, now: tuple[Tracked, Plane]) -> Linked:
    """Return a frame with the motion from the previous one; both come with what they show of the ground."""
    frame, shown = now
    if previous is None or frame.begins:
        return Linked(frame, None, None)
    if frame.motion is None:
        width, height = cell_size(shown.shape)
        still = Link(*np.zeros((2, height, width, 2), np.float32))
        return Linked(frame, still, still)
    before, shown_before = previous
    ground = Link(ground_cells(frame.motion.to_previous, shown), ground_cells(frame.motion.to_next, shown_before))
    return Linked(frame._replace(motion=None), Link(*cutout_cells(*before.matte[:2], *frame.matte[:2])), ground)


def windows(items: Iterable[Linked], reach: int) -> Iterator[tuple[deque[Linked], int]]:
    """Yield the frames around each one, `reach` on each side, and its place among them."""
    held: deque[Linked] = deque()
    middle = 0
    for item in items:
        held.append(item)
        if len(held) - 1 - middle == reach:
            yield held, middle
            middle += 1
        if middle > reach:
            held.popleft()
            middle -= 1
    while middle < len(held):
        yield held, middle
        middle += 1


def flows_along(held: deque[Linked], middle: int, reach: int, step: int) -> Iterator[tuple[int, Plane, Plane]]:
    """Yield the places of the frames before (step -1) or after (step 1), as far as the scene goes.

    With them come the flows of object and ground from the middle frame to each, at cells.
    """
    flows: list[Plane] | None = None
    shape = held[middle].frame.matte.alpha.shape
    for place in range(middle + step, middle + step * (reach + 1), step):
        if not 0 <= place < len(held):
            return
        links = held[place + 1] if step < 0 else held[place]
        if links.object is None or links.ground is None:
            return
        steps = [link.to_previous if step < 0 else link.from_previous for link in (links.object, links.ground)]
        flows = steps if flows is None else [_followed(*both, shape) for both in zip(flows, steps, strict=True)]
        yield place, flows[0], flows[1]


def _followed(flow: Plane, link: Plane, shape: tuple[int, ...]) -> Plane:
    """Return a flow at cells, continued by a link from where it leads."""
    height, width = flow.shape[:2]
    y, x = np.indices((height, width), np.float32)
    side_x, side_y = shape[1] / width, shape[0] / height
    at = x + flow[..., 0] / np.float32(side_x), y + flow[..., 1] / np.float32(side_y)
    return flow + cv2.remap(link, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
