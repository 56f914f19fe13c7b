"""Small made scenes shared by all tests: an image, its trimap, and the true alpha."""

from typing import NamedTuple

import numpy as np


class Scene(NamedTuple):
    """image (H, W, 3), trimap (H, W) of 0, 0.5 and 1, alpha (H, W); float32 in [0, 1]."""

    image: np.ndarray
    trimap: np.ndarray
    alpha: np.ndarray


def soft_disk(shape=(29, 37), *, noise=0.01, seed=0):
    """A soft-edged disk, reddish over bluish, both shaded smoothly, with a little noise."""
    rng = np.random.default_rng(seed)
    height, width = shape
    y, x = np.mgrid[:height, :width].astype(np.float64)
    radius = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2) / min(shape)
    alpha = np.clip((0.34 - radius) / 0.12 + 0.5, 0.0, 1.0)
    shade = np.stack([y / height, x / width, (y + x) / (height + width)], axis=2)
    foreground = np.array([0.7, 0.3, 0.2]) + 0.2 * shade
    background = np.array([0.1, 0.3, 0.6]) + 0.2 * shade[:, :, ::-1]
    image = alpha[:, :, None] * foreground + (1 - alpha[:, :, None]) * background
    image = np.clip(image + noise * rng.standard_normal(image.shape), 0.0, 1.0)
    trimap = np.full(shape, 0.5)
    trimap[radius < 0.22] = 1.0
    trimap[radius > 0.45] = 0.0
    return _scene(image, trimap, alpha)


def colour_ramp(shape=(13, 29)):
    """Two constant colours mixed along a ramp: alpha is exactly affine in the colour everywhere."""
    height, width = shape
    alpha = np.tile(np.clip((np.arange(width) - 6.0) / (width - 13.0), 0.0, 1.0), (height, 1))
    image = alpha[:, :, None] * np.array([0.9, 0.6, 0.2]) + (1 - alpha[:, :, None]) * np.array([0.1, 0.2, 0.5])
    trimap = np.where(alpha == 0.0, 0.0, np.where(alpha == 1.0, 1.0, 0.5))
    return _scene(image, trimap, alpha)


def constant(shape=(13, 29)):
    """One colour everywhere, background at the left, foreground at the right: nothing to tell them apart."""
    trimap = np.full(shape, 0.5)
    trimap[:, :4] = 0.0
    trimap[:, -4:] = 1.0
    image = np.full((*shape, 3), 0.5)
    return _scene(image, trimap, trimap)


def hard_edge(shape=(13, 29)):
    """A black and a white half; alpha is the white half, the middle columns are unknown."""
    alpha = np.zeros(shape)
    alpha[:, shape[1] // 2:] = 1.0
    trimap = alpha.copy()
    trimap[:, shape[1] // 2 - 4: shape[1] // 2 + 4] = 0.5
    return _scene(np.repeat(alpha[:, :, None], 3, axis=2), trimap, alpha)


def _scene(*planes):
    return Scene(*(np.ascontiguousarray(plane, dtype=np.float32) for plane in planes))
