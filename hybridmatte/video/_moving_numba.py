"""Alphas of other frames at the pixels of a frame; used by ``tracking.py`` and ``smoothing.py``."""

import numpy as np

from hybridmatte.linalg.threads import kernel
from hybridmatte.video._interpolation_numba import channel_at, cubic_at, leads_out, neighbours, value_at


@kernel
def move_rows(
    first, last, flow, alpha, variance, image, other, reliability, colour_change, moved, moved_variance, rated
):
    """Write alpha and variance of another frame at the pixels of a frame, and how reliable its motion is; (H, W) each.

    flow (H, W, 2) is that of the object, reliability (H, W) that of the frames' motion. image and other (H, W, 3) are
    the frames, blurred. The more opaque alpha is, the more their colours tell, and the less the frames' motion.
    """
    height, width = alpha.shape
    for y in range(first, last):
        for x in range(width):
            at_x, at_y = x + flow[y, x, 0], y + flow[y, x, 1]
            across, down = neighbours(at_x, width), neighbours(at_y, height)
            own = cubic_at(alpha, at_x, at_y)
            moved[y, x] = own
            moved_variance[y, x] = value_at(variance, across, down)
            if leads_out(at_x, at_y, height, width):
                rated[y, x] = 0
                continue
            rating = (1 - own) * reliability[y, x]
            if own > 0:
                change = 0.0
                for k in range(3):
                    change += (image[y, x, k] - channel_at(other, k, across, down)) ** 2
                rating += own * np.exp(-0.5 * change / colour_change**2)
            rated[y, x] = rating


@kernel
def move_near_rows(first, last, cells, alpha, other, is_near, deviation, moved, squares):
    """Write another frame's alpha at the pixels of a frame, and the squares of its difference from the frame's own.

    cells (h, w, 2) are the object's flow. Outside `is_near`, and where the flow leaves the frame, the frame's own alpha
    (H, W) is written. The squares are divided by that of a deviation.
    """
    height, width = alpha.shape
    scale_x, scale_y = cells.shape[1] / width, cells.shape[0] / height
    for y in range(first, last):
        down = neighbours((y + 0.5) * scale_y - 0.5, cells.shape[0])
        for x in range(width):
            moved[y, x] = alpha[y, x]
            squares[y, x] = 0
            if not is_near[y, x]:
                continue
            across = neighbours((x + 0.5) * scale_x - 0.5, cells.shape[1])
            at_x = x + channel_at(cells, 0, across, down)
            at_y = y + channel_at(cells, 1, across, down)
            if not leads_out(at_x, at_y, height, width):
                moved[y, x] = cubic_at(other, at_x, at_y)
                squares[y, x] = ((moved[y, x] - alpha[y, x]) / deviation) ** 2


@kernel
def add_rows(first, last, is_unknown, alpha, moved, squares, changes, weights):
    """Add the differences of moved alphas from a frame's own to `changes`, and their weights, on unknown pixels."""
    for y in range(first, last):
        for x in range(alpha.shape[1]):
            if is_unknown[y, x]:
                weight = 1 / (1 + squares[y, x])
                changes[y, x] += weight * (moved[y, x] - alpha[y, x])
                weights[y, x] += weight
