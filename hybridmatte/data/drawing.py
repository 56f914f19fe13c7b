"""What drawn scenes share: outlines, a fine canvas, and its average, which is the exact alpha."""

import numpy as np

from hybridmatte._validation import check_image, check_same_shape

FINE = 4  # drawn pixels along each side of a pixel
SHIFT = 4  # bits of a drawn pixel behind the point


def averaged(canvas, colour):
    """Return foreground (H, W, 3) and alpha (H, W) of a fine drawing, whose colours are 0 where nothing is drawn."""
    height, width = (side // FINE for side in canvas.shape[:2])
    sums = canvas.reshape(height, FINE, width, FINE, 4).sum(axis=(1, 3), dtype=np.float32)
    cover = sums[:, :, 3:]
    foreground = np.where(cover > 0, sums[:, :, :3] / np.maximum(cover, 1), np.float32(colour))
    return foreground.clip(0, 1), cover[:, :, 0] / (255 * FINE * FINE)


def random_outline(height, width, generator):
    """Return a wavy ellipse, (N, 2) points in pixels, that reaches below the picture."""
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    waves = sum(generator.uniform(0, 0.06) * np.sin(k * angles + generator.uniform(0, 2 * np.pi)) for k in (2, 3, 5))
    radii = min(height, width) * generator.uniform(0.18, 0.32, 2)
    middle = np.array([width, height]) * generator.uniform((0.35, 0.4), (0.65, 0.7))
    points = middle + radii * (1 + waves)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    below = points[:, 1] > middle[1]
    points[below, 1] = middle[1] + (points[below, 1] - middle[1]) * generator.uniform(1.0, 3.0)
    return points


def fixed_point(points):
    """Return points in pixels as OpenCV's fixed-point coordinates of the fine drawing."""
    return np.round((FINE * points - 0.5) * (1 << SHIFT)).astype(np.int32)[:, None]


def shade(colour, factor):
    """Return a colour and full cover for OpenCV."""
    return *(int(value) for value in np.rint(255 * (colour * factor).clip(0, 1))), 255


def check_texture(texture, shape):
    """Return a texture as (H, W, 3) float32 of the drawing's shape, or None."""
    if texture is None:
        return None
    texture = check_image(texture, "texture")
    check_same_shape(texture.shape[:2], "texture", shape, "drawing")
    return texture


def textured(foreground, texture):
    """Return drawn colours darkened and brightened by a texture, where 0.5 changes nothing and None neither."""
    return foreground if texture is None else (2 * foreground * texture).clip(0, 1).astype(np.float32)


def cloud(shape, generator, *, coarsest=3, octaves=5):
    """Return smooth noise (H, W) float32 in [0, 1]: random grids, each of half the amplitude and twice as fine."""
    import cv2

    total, weight = np.zeros(shape, np.float32), 0.0
    for octave in range(octaves):
        cells = coarsest * 2**octave
        grid = generator.random((cells + 1, cells + 1), dtype=np.float32)
        total += 0.5**octave * cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC)
        weight += 0.5**octave
    return (total / weight).clip(0, 1)
