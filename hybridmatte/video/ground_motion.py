"""The motion of the ground, continued behind the object.

The flow of pixels that are surely ground, and far enough from the object that no patch of the flow reaches it, is
fitted by affine motions in very wide windows. Pixels count by their texture: where nothing is to be seen, flow is
arbitrary though it may look reliable.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte.video.flow import FLOW_SIDE, Frame, Motion, Plane
from hybridmatte.video.object_motion import fitted_cells

__all__ = ["ground_cells", "shown_ground"]

WIDE = 0.35  # of the diagonal: standard deviation of the windows of the affine fit
PATCH = 6  # pixels of the flow: distance from the object at which its patches no longer see it
TEXTURE = 0.01  # slope of brightness, in each direction, at which a pixel counts half
WINDOW = 9  # pixels: side of the window in which texture is measured


def ground_cells(motion: Motion, shown: Plane) -> Plane:
    """Return the flow (h, w, 2) of the ground at cells, given that of a frame and what `shown_ground` says of it."""
    return fitted_cells(motion.flow, shown * motion.reliability, WIDE)


def shown_ground(image: Frame, is_ground: npt.NDArray[np.bool_]) -> Plane:
    """Return how well an image shows the ground's motion at each pixel, in [0, 1), given its sure ground."""
    radius = round(PATCH * max(max(image.shape[:2]) / FLOW_SIDE, 1))
    window = np.ones((2 * radius + 1, 2 * radius + 1), np.uint8)
    return cv2.erode(is_ground.astype(np.uint8), window) * _texture(image)


def _texture(image: Frame) -> Plane:
    """Return how well motion is seen at each pixel, in [0, 1): the smaller eigenvalue of the structure tensor."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    along_x, along_y = (cv2.Sobel(grey, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    xx, yy, xy = (cv2.blur(product, (WINDOW, WINDOW)) for product in (along_x**2, along_y**2, along_x * along_y))
    least = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    seen = np.maximum(least, 0).astype(np.float32, copy=False)
    return seen / (seen + np.float32(TEXTURE**2))
