"""Weights of the flow of an object, and its cut-outs; used by ``object_motion.py``."""

from hybridmatte.linalg.threads import kernel
from hybridmatte.video._interpolation_numba import neighbours, value_at


@kernel
def weigh_object_rows(first, last, flow, reliability, alpha, opaque, mixed_weight, weights):
    """Write the weights (H, W) of the pixels of a flow: its reliability times alpha^4, less where alpha is mixed.

    alpha (H, W) is that of the frame to which the flow leads; below `opaque` the weight is multiplied by another one.
    """
    height, width = weights.shape
    for y in range(first, last):
        for x in range(width):
            across, down = neighbours(x + flow[y, x, 0], width), neighbours(y + flow[y, x, 1], height)
            own = value_at(alpha, across, down)
            weight = reliability[y, x] * (own * own) * (own * own)
            weights[y, x] = weight if own >= opaque else weight * mixed_weight


@kernel
def weighted_rows(first, last, flow, weights, least, products):
    """Write the products (H, W, 3) of a flow's weights, raised by `least`, and 1, x and y of the flow."""
    for y in range(first, last):
        for x in range(weights.shape[1]):
            weight = weights[y, x] + least
            products[y, x, 0] = weight
            products[y, x, 1] = weight * flow[y, x, 0]
            products[y, x, 2] = weight * flow[y, x, 1]


@kernel
def brightness_rows(first, last, image, alpha, luma, sums):
    """Write the sums (H, 2) of alpha and of alpha times the brightness of an image, in each row."""
    for y in range(first, last):
        total = bright = 0.0
        for x in range(alpha.shape[1]):
            total += alpha[y, x]
            bright += alpha[y, x] * (luma[0] * image[y, x, 0] + luma[1] * image[y, x, 1] + luma[2] * image[y, x, 2])
        sums[y, 0], sums[y, 1] = total, bright


@kernel
def cut_rows(first, last, image, alpha, flat, cutout):
    """Write an image (H, W, 3), cut out by its alpha, over a flat grey."""
    for y in range(first, last):
        for x in range(alpha.shape[1]):
            for k in range(3):
                cutout[y, x, k] = flat + alpha[y, x] * (image[y, x, k] - flat)
