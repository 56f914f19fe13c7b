"""A frame's alpha from its trimap and the previous frame's alpha, moved along the object's motion.

The moved alpha is the solver's first guess. Where the frame's trimap was itself carried from other frames, the moved
alpha is also a prior, weighed by how sure it is, and is then averaged with the solved one, each weighed by the inverse
of its variance, as in a Kalman filter [1]_. The variance of the moved alpha grows with the error of the flow and from
frame to frame.

References
----------
.. [1] R. E. Kalman. A new approach to linear filtering and prediction problems. 1960.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from hybridmatte.correction.estimates import Guess
from hybridmatte.correction.network import Perceptron
from hybridmatte.correction.passes import correct_near
from hybridmatte.linalg.threads import run_pieces
from hybridmatte.systems.problem import check_problem
from hybridmatte.video._moving_numba import move_rows
from hybridmatte.video.flow import Frame, Motion, Plane, blurred
from hybridmatte.video.object_motion import cutout_cells, flow_of_cells, object_flow

__all__ = ["Matted", "Moved", "follow", "fused", "matted", "moved", "moved_as_cutout"]

LEAST_VARIANCE = 0.03**2  # of alpha where the network is certain
WRONG_VARIANCE = 0.2**2  # of an alpha that is off by more than 0.1
UNSAID_VARIANCE = 0.1**2  # of an alpha that comes without a confidence
AGEING = 0.02**2  # added from frame to frame
MOTION_ERROR = 0.2  # pixels: of the motion; times the slope of alpha, it is the deviation of the moved alpha
COLOUR_CHANGE = 0.12  # RGB distance along the object's motion at which an opaque pixel's reliability falls to exp(-1/2)
LOST_VARIANCE = 0.5**2  # of a pixel whose motion is not reliable at all
PRIOR_WEIGHT = 0.02  # of a prior that is as sure as `LEAST_VARIANCE`, on the scale of the Laplacian's diagonal
MOVE_COST = 25.0  # nanoseconds that the kernel takes for a pixel, roughly
LEAST_RELIABLE = 0.3  # where the motion is less reliable, the solver starts from the known colours


class Matted(NamedTuple):
    """A frame (H, W, 3), its alpha (H, W) and the variance of alpha (H, W), 0 on known pixels."""

    image: Frame
    alpha: Plane
    variance: Plane


class Moved(NamedTuple):
    """Alpha of another frame at the pixels of this one.

    alpha, its variance and the reliability of the motion are (H, W); flow (H, W, 2) is the object's, to that frame.
    """

    alpha: Plane
    variance: Plane
    reliability: Plane
    flow: Plane


def matted(image: Frame, trimap: Plane, alpha: Plane, confidence: Plane | None = None) -> Matted:
    """Return a frame with the variance of its alpha, for the frame that follows; trimap is of 0, 0.5 and 1."""
    return Matted(image, alpha, _variance(trimap, confidence))


def moved(previous: Matted, image: Frame, motion: Motion) -> Moved:
    """Return the alpha of the previous frame, moved to an image along the object's motion."""
    return _moved_along(object_flow(motion, previous.alpha), previous, image, motion)


def moved_as_cutout(previous: Matted, image: Frame, motion: Motion) -> Moved:
    """Return what `moved` does, along the motion of the cut-outs that its alpha and the previous one give.

    Nothing behind the object moves in them, so the motion is more exact, at the price of one more optical flow. Alphas
    that are moved from frame to frame, without a solve between them, need this.
    """
    alpha = moved(previous, image, motion).alpha
    cells, _ = cutout_cells(previous.image, previous.alpha, image, alpha)
    return _moved_along(flow_of_cells(cells, alpha.shape), previous, image, motion)


def _moved_along(flow: Plane, previous: Matted, image: Frame, motion: Motion) -> Moved:
    """Return the alpha of the previous frame, moved along the object's flow; `motion` is that of the frames."""
    alpha, variance, reliability = np.empty((3, *image.shape[:2]), np.float32)
    pictures = blurred(image), blurred(previous.image)
    inputs = flow, previous.alpha, previous.variance, *pictures, motion.reliability, COLOUR_CHANGE
    run_pieces(move_rows, len(flow), *inputs, alpha, variance, reliability, cost=MOVE_COST * flow.shape[1])
    slope = cv2.morphologyEx(alpha, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) / 2
    variance += np.float32(AGEING) + np.square(np.float32(MOTION_ERROR) * slope)
    variance += np.square(1 - reliability) * np.float32(LOST_VARIANCE)
    return Moved(alpha, variance, reliability, flow)


def fused(one: Moved, other: Moved) -> Moved:
    """Return the average of alphas from two other frames, weighed by their inverse variances; the flow is of one."""
    share = one.variance / (one.variance + other.variance)
    alpha = one.alpha + share * (other.alpha - one.alpha)
    variance = share * other.variance + share * (1 - share) * np.square(other.alpha - one.alpha)
    reliability = np.maximum(one.reliability, other.reliability)
    return Moved(alpha.astype(np.float32, copy=False), variance.astype(np.float32, copy=False), reliability, one.flow)


def follow(image: Frame, trimap: Plane, guess: Moved, network: Perceptron | None, *, is_carried: bool) -> Matted:
    """Return an image's alpha from its trimap of 0, 0.5 and 1 and the moved alpha; without a network, of one solver.

    The moved alpha is the solver's start. It is also a prior, and is averaged with the solved alpha, if the trimap was
    carried from other frames or lacks foreground or background. Otherwise the frame tells enough by itself, and its
    errors stay independent of those of the others.
    """
    is_unknown = trimap == 0.5
    if not is_unknown.any():
        return matted(image, trimap, trimap.copy())
    start = np.where(guess.reliability > LEAST_RELIABLE, guess.alpha, np.float32(np.nan))
    hints = Guess(None, None, start)
    needs_prior = is_carried or not ((trimap == 0).any() and (trimap == 1).any())
    if needs_prior:
        weight = np.float32(PRIOR_WEIGHT) * np.minimum(np.float32(LEAST_VARIANCE) / guess.variance, 1)
        hints = Guess(guess.alpha, np.where(is_unknown, weight, 0), start)
    alpha, confidence = correct_near(check_problem(image, trimap, *hints[:2]), network, hints)
    if not needs_prior:
        return matted(image, trimap, alpha, confidence)
    return _joined(image, trimap, alpha, confidence, guess)


def _joined(image: Frame, trimap: Plane, solved: Plane, confidence: Plane | None, guess: Moved) -> Matted:
    """Return the average of solved and moved alpha, weighed by their inverse variances."""
    variance = _variance(trimap, confidence)
    share = guess.variance / (guess.variance + variance)
    alpha = np.where(trimap == 0.5, guess.alpha + share * (solved - guess.alpha), trimap)
    return Matted(image, alpha.astype(np.float32), (share * variance).astype(np.float32))


def _variance(trimap: Plane, confidence: Plane | None) -> Plane:
    """Return the variance (H, W) of an alpha with a confidence; 0 on known pixels."""
    if confidence is None:
        return np.where(trimap == 0.5, np.float32(UNSAID_VARIANCE), np.float32(0))
    return np.where(trimap == 0.5, np.float32(LEAST_VARIANCE) + (1 - confidence) * np.float32(WRONG_VARIANCE), 0)
