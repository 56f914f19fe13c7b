"""The ground that other frames show, at the unknown pixels of a frame; used by ``clean_plate.py``."""

import numpy as np

from hybridmatte.linalg.threads import inlined, kernel
from hybridmatte.video._colours_numba import FULL
from hybridmatte.video._interpolation_numba import channel_at, neighbours, value_at


@inlined
def corners(x, y, height, width, shape):
    """Return what `neighbours` does, along x and along y, at cells (height, width) of a frame of a shape (H, W)."""
    across = neighbours((x + 0.5) * (width / shape[1]) - 0.5, width)
    down = neighbours((y + 0.5) * (height / shape[0]) - 0.5, height)
    return across, down


@inlined
def ground_variance(alpha, limits):
    """Return the variance, in each channel, of the ground's colour that is estimated at a pixel of an alpha."""
    noise, guessed, opaque, hidden = limits[:4]
    return noise + (guessed * alpha) ** 2 + (hidden if alpha > opaque else 0.0)


@kernel
def vary_pieces(first, last, alphas, limits, variances):
    """Write the `ground_variance` (n,) of alphas first to last - 1 of (n,); limits are those of `show_pieces`."""
    for i in range(first, last):
        variances[i] = ground_variance(alphas[i], limits)


@kernel
def compare_pieces(first, last, places, cells, alpha, ground, clear, is_sure, moved):
    """Write whether another frame surely shows the ground at samples first to last - 1 of a frame, and its colours.

    places (n, 2) are x and y of the samples. cells (h, w, 2) are the ground's flow to the other frame. Its alpha (H, W)
    is below `clear` where it shows the ground (H, W, 3), in uint16. is_sure is (n,), moved (n, 3).
    """
    height, width = alpha.shape
    for i in range(first, last):
        x, y = places[i, 0], places[i, 1]
        across, down = corners(x, y, cells.shape[0], cells.shape[1], alpha.shape)
        at_x = x + channel_at(cells, 0, across, down)
        at_y = y + channel_at(cells, 1, across, down)
        is_inside = 0 <= at_x <= width - 1 and 0 <= at_y <= height - 1
        across = neighbours(at_x, width)
        down = neighbours(at_y, height)
        other = value_at(alpha, across, down)
        is_sure[i] = is_inside and other < clear
        for k in range(3):
            moved[i, k] = channel_at(ground, k, across, down) * (1 / FULL)


@kernel
def show_pieces(first, last, pixels, layers, doubt, alpha, ground, light, limits, colours, precisions):
    """Add the colours of the ground that another frame shows at pixels first to last - 1, times their precisions.

    pixels (n, 2) are x and y. layers (h, w, 4) are the flows of object and ground to the other frame; its alpha (H, W)
    and its ground (H, W, 3), in uint16, times the change of light (3,), are the other frame's. doubt (h, w) is the mean
    square by which the grounds differ. limits are the constants NOISE, GUESSED, OPAQUE, HIDDEN, RESAMPLED and APART of
    ``clean_plate.py``. colours (n, 3) and precisions (n,) are sums.
    """
    height, width = alpha.shape
    resampled, far = limits[4:]
    for i in range(first, last):
        x, y = pixels[i, 0], pixels[i, 1]
        across, down = corners(x, y, layers.shape[0], layers.shape[1], alpha.shape)
        object_x = channel_at(layers, 0, across, down)
        object_y = channel_at(layers, 1, across, down)
        ground_x = channel_at(layers, 2, across, down)
        ground_y = channel_at(layers, 3, across, down)
        at_x, at_y = x + ground_x, y + ground_y
        if at_x <= -0.5 or at_x >= width - 0.5 or at_y <= -0.5 or at_y >= height - 0.5:
            continue
        across, down = corners(x, y, doubt.shape[0], doubt.shape[1], alpha.shape)
        variance = resampled + value_at(doubt, across, down)
        across = neighbours(at_x, width)
        down = neighbours(at_y, height)
        other = value_at(alpha, across, down)
        variance += ground_variance(other, limits)
        apart = (object_x - ground_x) ** 2 + (object_y - ground_y) ** 2
        precision = -np.expm1(-0.5 * apart / far**2) / variance
        for k in range(3):
            colour = channel_at(ground, k, across, down)
            colours[i, k] += precision * light[k] * colour * (1 / FULL)
        precisions[i] += precision
