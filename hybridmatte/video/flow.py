"""Optical flow between consecutive frames, its error in each pixel, and cuts between scenes.

The flow is OpenCV's DIS [1]_, forward and backward, at a bounded size. Where the two do not lead back to the same
pixel, or the colours differ, a pixel is occluded or the flow is wrong; the two cannot be told apart, and need not be.

References
----------
.. [1] T. Kroeger, R. Timofte, D. Dai, L. Van Gool. Fast optical flow using dense inverse search. ECCV 2016.
.. [2] N. Sundaram, T. Brox, K. Keutzer. Dense point trajectories by GPU-accelerated large displacement optical flow.
   ECCV 2010. Forward-backward check.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.linalg.threads import run_pieces
from hybridmatte.video import _flow_numba as kernels

__all__ = [
    "Frame",
    "Motion",
    "MotionPair",
    "Plane",
    "blurred",
    "bounded_motion",
    "enlarged",
    "is_cut",
    "motion_between",
]

FLOW_SIDE = 1024  # pixels: longest side of the frames between which the flow is computed; larger ones are shrunk
CUT_SIDE = 160  # pixels: the same where a cut is searched
PATCH_STRIDE = 4  # pixels: of DIS; with the preset's 3, a flow takes a third more time
ROUND_TRIP = 0.5  # pixels: distance after forward and backward flow at which reliability falls to exp(-1/2)
COLOUR_CHANGE = 0.1  # RGB distance along the flow at which it falls likewise; noise and flicker are below
LIGHT_RANGE = 0.5, 2.0  # change of light, in each channel, that is compensated before colours are compared
CUT_SHARE = 0.3  # of the pixels: a flow that explains fewer does not connect frames of one scene
CUT_ROUND_TRIP, CUT_COLOUR = 1.5, 0.15  # pixels at `CUT_SIDE`, and RGB distance, that count as explained
COMPARE_COST, PLACE_COST = 15.0, 1.0  # nanoseconds that the kernels take for a pixel, roughly
SMALLEST = 16  # pixels: DIS needs patches; frames with a shorter side are enlarged by repeating their border

NO_FLOW = np.zeros((1, 1, 2), np.float32)  # to start from: DIS takes none of another size than the frames

Plane = npt.NDArray[np.float32]  # (H, W)
Frame = npt.NDArray[np.float32]  # (H, W, 3), RGB in [0, 1]


class Motion(NamedTuple):
    """Where each pixel of a frame was in another one.

    Attributes
    ----------
    flow : (H, W, 2) float32 array
        Displacement in x and y, in pixels: pixel (x, y) was at ``(x, y) + flow[y, x]`` in the other frame.
    reliability : (H, W) float32 array
        In [0, 1]: 1 where forward and backward flow agree and so do the colours, 0 where the pixel is occluded.
    """

    flow: Plane
    reliability: Plane


class MotionPair(NamedTuple):
    """The motion between two consecutive frames: seen from the second one, and seen from the first one."""

    to_previous: Motion
    to_next: Motion


def motion_between(previous: Frame, frame: Frame) -> MotionPair:
    """Return the motion between two frames (H, W, 3) of equal size."""
    return enlarged(bounded_motion(previous, frame), frame.shape)


def bounded_motion(previous: Frame, frame: Frame) -> MotionPair:
    """Return the motion between two frames of equal size at the size at which it is computed, which is bounded."""
    smaller = [_shrunk(picture, FLOW_SIDE) for picture in (previous, frame)]
    greys, smooth = [_grey(picture) for picture in smaller], [blurred(picture) for picture in smaller]
    forward, backward = _flow(*greys), _flow(*reversed(greys))
    back = _reliability(backward, forward, smooth[1], smooth[0])
    ahead = _reliability(forward, backward, smooth[0], smooth[1])
    return MotionPair(Motion(backward, back), Motion(forward, ahead))


def enlarged(pair: MotionPair, shape: tuple[int, ...]) -> MotionPair:
    """Return the motion at the size of frames of a shape (H, W, ...)."""
    return MotionPair(*(_enlarged(*motion, (shape[0], shape[1])) for motion in pair))


def is_cut(previous: Frame, frame: Frame) -> bool:
    """Return whether a new scene begins with a frame: the flow explains few of its pixels."""
    before, now = (_shrunk(picture, CUT_SIDE) for picture in (previous, frame))
    greys = [_grey(picture) for picture in (before, now)]
    forward, backward = _flow(*greys), _flow(*reversed(greys))
    distance, change = _disagreement(backward, forward, blurred(now), blurred(before))
    return float(np.mean((distance <= CUT_ROUND_TRIP) & (change <= CUT_COLOUR))) < CUT_SHARE


def _shrunk(frame: Frame, longest: int) -> Frame:
    """Return a frame of which no side is longer than `longest` pixels."""
    scale = longest / max(frame.shape[:2])
    if scale >= 1:
        return frame
    height, width = (max(round(side * scale), 1) for side in frame.shape[:2])
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


def _flow(source: npt.NDArray[np.uint8], target: npt.NDArray[np.uint8]) -> Plane:
    """Return the flow (h, w, 2) from each pixel of a frame's brightness (h, w) to that of another frame."""
    height, width = source.shape
    below, right = max(SMALLEST - height, 0), max(SMALLEST - width, 0)
    one, other = (cv2.copyMakeBorder(grey, 0, below, 0, right, cv2.BORDER_REPLICATE) for grey in (source, target))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    search.setUseSpatialPropagation(False)  # it would go along stripes, whose number is that of the threads
    search.setPatchStride(PATCH_STRIDE)
    return np.ascontiguousarray(search.calc(one, other, NO_FLOW)[:height, :width], np.float32)


def _grey(frame: Frame) -> npt.NDArray[np.uint8]:
    """Return the brightness of a frame, (H, W) uint8."""
    return cv2.convertScaleAbs(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), alpha=255).astype(np.uint8, copy=False)


def _reliability(flow: Plane, back: Plane, smooth: Frame, other: Frame) -> Plane:
    """Return the reliability (h, w) of the flow from a frame to another one, given the flow back and both, blurred."""
    distance, change = _disagreement(flow, back, smooth, other)
    exponent = np.empty_like(distance)
    limits = np.float32(ROUND_TRIP), np.float32(COLOUR_CHANGE)
    cost = PLACE_COST * flow.shape[1]
    run_pieces(kernels.exponent_rows, len(flow), flow, distance, change, *limits, exponent, cost=cost)
    return np.exp(exponent, out=exponent)


def _disagreement(flow: Plane, back: Plane, smooth: Frame, other: Frame) -> tuple[Plane, Plane]:
    """Return the distance after a round trip, in pixels, and the change of colour along the flow; (h, w) each.

    Both frames are blurred.
    """
    distance, change = np.empty((2, *flow.shape[:2]), np.float32)
    moved, sums = np.empty_like(smooth), np.empty((len(flow), 2, 3))
    inputs = flow, back, smooth, other
    run_pieces(kernels.compare_rows, len(flow), *inputs, distance, moved, sums, cost=COMPARE_COST * flow.shape[1])
    own, theirs = sums.sum(axis=0) + 1e-3
    light = np.clip(own / theirs, *LIGHT_RANGE).astype(np.float32)
    run_pieces(kernels.change_rows, len(flow), smooth, moved, light, change, cost=PLACE_COST * flow.shape[1])
    return distance, change


def blurred(frame: Frame) -> Frame:
    """Return a frame (H, W, 3), averaged over 3 x 3 pixels."""
    return cv2.blur(frame, (3, 3)).astype(np.float32, copy=False)


def _enlarged(flow: Plane, reliability: Plane, shape: tuple[int, int]) -> Motion:
    """Return a motion at the size of the frames."""
    if flow.shape[:2] == shape:
        return Motion(flow, reliability)
    size = shape[::-1]
    scale = np.array([shape[1] / flow.shape[1], shape[0] / flow.shape[0]], np.float32)
    return Motion(
        cv2.resize(flow, size, interpolation=cv2.INTER_LINEAR) * scale,
        cv2.resize(reliability, size, interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False),
    )
