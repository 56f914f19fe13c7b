"""Scenes for the guide: a free photograph, and drawn objects over free photographs, with their true alpha."""

from typing import NamedTuple

import cv2
import numpy as np

from experiments.example_photographs import FLOWER_TRIMAP, flower_photograph, temple_photograph
from hybridmatte import composite, read_image, read_trimap, trimap_from_alpha

SHAPE = (320, 400)  # pixels, of the made scenes
FINE = 4  # strands are drawn so many times larger, then averaged


class Scene(NamedTuple):
    """image (H, W, 3), trimap (H, W), alpha (H, W) or None if unknown; float32 in [0, 1]."""

    image: np.ndarray
    trimap: np.ndarray
    alpha: np.ndarray | None


def flower():
    """The demo's photograph and trimap, half size."""
    image, trimap = read_image(flower_photograph()), read_trimap(FLOWER_TRIMAP)
    size = (image.shape[1] // 2, image.shape[0] // 2)
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    trimap = cv2.resize(trimap, size, interpolation=cv2.INTER_NEAREST)
    return Scene(image, trimap, None)


def hair(seed=0):
    """Curved strands of brown hair, one to three pixels wide, around a head, before a photographed roof."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((SHAPE[0] * FINE, SHAPE[1] * FINE), np.uint8)
    centre = np.array([SHAPE[1] / 2, SHAPE[0] * 0.62])
    cv2.ellipse(canvas, (centre * FINE).astype(int).tolist(), (80 * FINE, 95 * FINE), 0, 0, 360, 255, -1)
    for _ in range(260):
        angle, turn = rng.uniform(-1.15 * np.pi, 0.15 * np.pi), rng.normal(0.0, 0.02)
        point = centre + np.array([75 * np.cos(angle), 90 * np.sin(angle)])
        path = [point]
        for _ in range(rng.integers(12, 34)):
            path.append(path[-1] + 2.5 * np.array([np.cos(angle), np.sin(angle)]))
            angle += turn + rng.normal(0.0, 0.05)
        line = (np.array(path) * FINE).astype(np.int32)
        cv2.polylines(canvas, [line], False, 255, int(rng.integers(FINE // 2, 2 * FINE)), cv2.LINE_AA)
    alpha = _shrink(canvas)
    shade = cv2.GaussianBlur(rng.standard_normal(SHAPE), (0, 0), 3.0)[:, :, None]
    foreground = np.array([0.42, 0.27, 0.16]) * (1.0 + 0.6 * shade)
    backdrop = _backdrop(top=107, left=60)
    return _compose(foreground, backdrop, alpha, trimap_from_alpha(alpha, erode=6, dilate=6), rng)


def foliage(seed=0):
    """A crown of leaves with gaps through which a photographed sky and roof show, none of them marked as known."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((SHAPE[0] * FINE, SHAPE[1] * FINE), np.uint8)
    for _ in range(330):
        reach, angle = 112 * np.sqrt(rng.uniform()), rng.uniform(0, 2 * np.pi)
        centre = [SHAPE[1] / 2 + 1.25 * reach * np.cos(angle), SHAPE[0] / 2 + reach * np.sin(angle)]
        axes = rng.uniform(8, 15), rng.uniform(3, 6)
        centre, axes = ((np.array(pair) * FINE).astype(int).tolist() for pair in (centre, axes))
        cv2.ellipse(canvas, centre, axes, rng.uniform(0, 360), 0, 360, 255, -1, cv2.LINE_AA)
    alpha = _shrink(canvas)
    shade = cv2.GaussianBlur(rng.standard_normal(SHAPE), (0, 0), 2.0)[:, :, None]
    foreground = np.array([0.24, 0.42, 0.12]) * (1.0 + 0.8 * shade)
    crown = cv2.dilate((alpha > 0.02).astype(np.uint8), np.ones((9, 9), np.uint8))
    closed = cv2.morphologyEx(crown, cv2.MORPH_CLOSE, np.ones((45, 45), np.uint8))
    trimap = np.where(closed > 0, 0.5, 0.0).astype(np.float32)
    solid = cv2.erode((alpha > 0.98).astype(np.uint8), np.ones((9, 9), np.uint8))
    trimap[solid > 0] = 1.0
    return _compose(foreground, _backdrop(top=0, left=150), alpha, trimap, rng)


SCENES = {"flower": flower, "hair": hair, "foliage": foliage}


def _shrink(canvas):
    """Average FINE x FINE subpixels of a drawing into an alpha."""
    return cv2.resize(canvas, SHAPE[::-1], interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)


def _backdrop(top, left):
    image = read_image(temple_photograph())
    return image[top : top + SHAPE[0], left : left + SHAPE[1]]


def _compose(foreground, backdrop, alpha, trimap, rng):
    """Return the scene with a camera's noise."""
    image = composite(np.clip(foreground, 0.0, 1.0), alpha, backdrop)
    image = np.clip(image + rng.normal(0.0, 0.006, image.shape), 0.0, 1.0)
    return Scene((np.rint(255 * image) / 255).astype(np.float32), trimap, alpha)
