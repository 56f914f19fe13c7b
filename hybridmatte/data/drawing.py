"""Parts of all drawn scenes: outlines, smooth noise, and a fine canvas whose average gives the exact alpha."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_image, check_same_shape

Shape = tuple[int, int]
Points = npt.NDArray[np.float64]  # (N, 2): x and y in pixels of the scene

FINE = 4  # pixels of the canvas along each side of a pixel of the scene
SHIFT = 4  # fractional bits of OpenCV's fixed-point coordinates


def new_canvas(shape: Shape) -> npt.NDArray[np.uint8]:
    """Return an empty canvas for a scene of a shape: (FINE * H, FINE * W, 4), RGB colours and coverage of 0 or 255."""
    return np.zeros((FINE * shape[0], FINE * shape[1], 4), np.uint8)


def average_canvas(
    canvas: npt.NDArray[np.uint8], colour: npt.ArrayLike
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return foreground (H, W, 3) and alpha (H, W) of a canvas.

    Alpha is the covered share of each pixel, and the foreground is the mean colour of that share. Pixels without
    coverage get `colour`.
    """
    height, width = (side // FINE for side in canvas.shape[:2])
    sums = canvas.reshape(height, FINE, width, FINE, 4).sum(axis=(1, 3), dtype=np.float32)
    coverage = sums[:, :, 3:]
    empty_colour = np.asarray(colour, np.float32)
    foreground = np.where(coverage > 0, sums[:, :, :3] / np.maximum(coverage, 1), empty_colour)
    return foreground.clip(0, 1), coverage[:, :, 0] / (255 * FINE * FINE)


def random_outline(height: int, width: int, generator: np.random.Generator) -> Points:
    """Return a random wavy ellipse, stretched downwards, as a polygon."""
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    waves = np.sum(
        [generator.uniform(0, 0.06) * np.sin(k * angles + generator.uniform(0, 2 * np.pi)) for k in (2, 3, 5)], axis=0
    )
    radii = min(height, width) * generator.uniform(0.18, 0.32, 2)
    center = np.array([width, height]) * generator.uniform((0.35, 0.4), (0.65, 0.7))
    points = center + radii * (1 + waves)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    below = points[:, 1] > center[1]
    points[below, 1] = center[1] + (points[below, 1] - center[1]) * generator.uniform(1.0, 3.0)
    return points


def fixed_point(points: Points) -> npt.NDArray[np.int32]:
    """Return points as OpenCV's fixed-point coordinates on the canvas, (N, 1, 2)."""
    return np.round((FINE * points - 0.5) * (1 << SHIFT)).astype(np.int32)[:, None]


def paint(colour: npt.NDArray[np.float64], factor: float) -> tuple[int, int, int, int]:
    """Return a colour times a factor, with full coverage, as OpenCV draws it on a canvas."""
    red, green, blue = np.rint(255 * (colour * factor).clip(0, 1))
    return int(red), int(green), int(blue), 255


def check_texture(texture: npt.ArrayLike | None, shape: Shape) -> npt.NDArray[np.float32] | None:
    """Return a texture as (H, W, 3) float32 in the shape of the scene, or None."""
    if texture is None:
        return None
    texture = check_image(texture, "texture")
    check_same_shape(texture.shape[:2], "texture", shape, "drawing")
    return texture


def apply_texture(foreground: npt.NDArray[Any], texture: npt.NDArray[np.float32] | None) -> npt.NDArray[Any]:
    """Return colours times twice the texture, so that a texture of 0.5 changes nothing; None changes nothing either."""
    return foreground if texture is None else (2 * foreground * texture).clip(0, 1).astype(np.float32)


def smooth_noise(
    shape: Shape, generator: np.random.Generator, *, coarsest: int = 3, octaves: int = 5
) -> npt.NDArray[np.float32]:
    """Return smooth noise (H, W) in [0, 1]: a sum of random grids, each twice as fine and half as strong."""
    total, weight = np.zeros(shape, np.float32), 0.0
    for octave in range(octaves):
        cells = coarsest * 2**octave
        grid = generator.random((cells + 1, cells + 1), dtype=np.float32)
        total += 0.5**octave * cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC)
        weight += 0.5**octave
    return (total / weight).clip(0, 1)
