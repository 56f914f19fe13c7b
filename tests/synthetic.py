"""Small synthetic scenes shared by all tests: an image, its trimap, and its true alpha."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Scene(NamedTuple):
    """image (H, W, 3), trimap (H, W) of 0, 0.5 and 1, alpha (H, W); float32 in [0, 1]."""

    image: npt.NDArray[np.float32]
    trimap: npt.NDArray[np.float32]
    alpha: npt.NDArray[np.float32]


def soft_disk(shape: tuple[int, int] = (29, 37), *, noise: float = 0.01, seed: int = 0) -> Scene:
    """Return a reddish disk with a soft edge over bluish background, both with smooth shading and some noise."""
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


def colour_ramp(shape: tuple[int, int] = (13, 29)) -> Scene:
    """Return two constant colours mixed along a ramp: alpha is exactly affine in the colour everywhere."""
    height, width = shape
    alpha = np.tile(np.clip((np.arange(width) - 6.0) / (width - 13.0), 0.0, 1.0), (height, 1))
    image = alpha[:, :, None] * np.array([0.9, 0.6, 0.2]) + (1 - alpha[:, :, None]) * np.array([0.1, 0.2, 0.5])
    trimap = np.where(alpha == 0.0, 0.0, np.where(alpha == 1.0, 1.0, 0.5))
    return _scene(image, trimap, alpha)


def constant(shape: tuple[int, int] = (13, 29)) -> Scene:
    """Return one colour everywhere, with background at the left and foreground at the right."""
    trimap = np.full(shape, 0.5)
    trimap[:, :4] = 0.0
    trimap[:, -4:] = 1.0
    image = np.full((*shape, 3), 0.5)
    return _scene(image, trimap, trimap)


def hard_edge(shape: tuple[int, int] = (13, 29)) -> Scene:
    """Return a black half and a white half; alpha is 1 in the white half, and the middle columns are unknown."""
    alpha = np.zeros(shape)
    alpha[:, shape[1] // 2 :] = 1.0
    trimap = alpha.copy()
    trimap[:, shape[1] // 2 - 4 : shape[1] // 2 + 4] = 0.5
    return _scene(np.repeat(alpha[:, :, None], 3, axis=2), trimap, alpha)


def _scene(*planes: npt.NDArray[np.floating]) -> Scene:
    return Scene(*(np.ascontiguousarray(plane, dtype=np.float32) for plane in planes))
