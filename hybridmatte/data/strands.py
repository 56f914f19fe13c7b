"""Drawn hair: strands and a body with exact alpha and colours, for training where photographed mattes are few."""

import numpy as np

from hybridmatte._check import check_integer, check_number, check_same_shape
from hybridmatte.data.folders import Sample

__all__ = ["random_hair"]

FINE = 4  # drawn pixels along each side of a pixel
POINTS = 24  # of a strand
ROOT = 0.96  # of the way from the body's middle to its outline, where strands begin
TAPER = 3  # pieces of a strand, each thinner than the one before
SHIFT = 4  # bits of a drawn pixel behind the point


def random_hair(shape, generator, *, strands=(150, 600), widths=(0.3, 1.5), texture=None):
    """Draw a body with strands of hair around it.

    Strands are polylines in clumps that leave the body's outline, bend and hang; each has a colour and a width of its
    own and grows thinner. All is drawn opaque at four times the resolution and averaged: alpha is what share of a pixel
    is covered, the foreground the mean colour of that share. Over a background that does not change within a pixel
    the composite is exactly the picture drawn over it.

    Parameters
    ----------
    shape : (int, int)
        Height and width, at least 16.
    generator : numpy.random.Generator
    strands : (int, int), default (150, 600)
        Least and largest number.
    widths : (float, float), default (0.3, 1.5)
        Of a strand at its root, in pixels for a shorter side of 512, and in proportion.
    texture : (H, W, 3) float32 array, optional
        Colours for body and strands, each darker or brighter than these; by default one colour at random.

    Returns
    -------
    sample : Sample
        With foreground (H, W, 3) and alpha (H, W), float32 in [0, 1]; the foreground beyond is the body's colour.

    Raises
    ------
    ValueError
        If a number is out of range, or a range is turned around.

    Examples
    --------
    >>> sample = random_hair((64, 80), np.random.default_rng(0))
    >>> sample.foreground.shape, bool(0 < sample.alpha.mean() < 1)
    ((64, 80, 3), True)
    """
    import cv2

    height, width = (check_integer(side, "shape", low=16) for side in shape)
    low, high = (check_integer(count, "strands", low=1) for count in strands)
    thin, thick = (check_number(size, "widths", above=0) for size in widths)
    if low > high or thin > thick:
        raise ValueError(f"strands are {strands} and widths {widths}, expected the smaller first")
    side = min(height, width)
    colour = generator.uniform(0.05, 0.9, 3) if texture is None else np.full(3, 0.5)
    canvas = np.zeros((FINE * height, FINE * width, 4), np.uint8)  # colours and cover
    outline = _outline(height, width, generator)
    cv2.fillPoly(canvas, [_drawn(outline)], _shade(colour, 1.0), shift=SHIFT)
    count = int(generator.integers(low, high + 1))
    for strand in _strands(outline, side, count, generator):
        size = side / 512 * np.exp(generator.uniform(*np.log((thin, thick))))
        shade = _shade(colour, generator.uniform(0.5, 1.6))
        for piece, points in enumerate(np.array_split(np.arange(POINTS), TAPER)):
            thickness = max(round(FINE * size * (1 - piece / TAPER)), 1)
            cv2.polylines(canvas, [_drawn(strand[points[0]:points[-1] + 2])], False, shade, thickness, shift=SHIFT)
    sample = _averaged(canvas, colour)
    if texture is None:
        return sample
    check_same_shape(texture.shape, "texture", (height, width), "shape")
    return sample._replace(foreground=(2 * sample.foreground * texture).clip(0, 1).astype(np.float32))


def _averaged(canvas, colour):
    """Return the sample of a fine drawing, whose colours are 0 where nothing is drawn."""
    height, width = (side // FINE for side in canvas.shape[:2])
    sums = canvas.reshape(height, FINE, width, FINE, 4).sum(axis=(1, 3), dtype=np.float32)
    cover = sums[:, :, 3:]
    foreground = np.where(cover > 0, sums[:, :, :3] / np.maximum(cover, 1), np.float32(colour))
    return Sample("hair", foreground=foreground.clip(0, 1), alpha=cover[:, :, 0] / (255 * FINE * FINE))


def _outline(height, width, generator):
    """Return a wavy ellipse, (N, 2) points in pixels, that reaches below the picture."""
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    waves = sum(generator.uniform(0, 0.06) * np.sin(k * angles + generator.uniform(0, 2 * np.pi)) for k in (2, 3, 5))
    radii = min(height, width) * generator.uniform(0.18, 0.32, 2)
    middle = np.array([width, height]) * generator.uniform((0.35, 0.4), (0.65, 0.7))
    points = middle + radii * (1 + waves)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    below = points[:, 1] > middle[1]
    points[below, 1] = middle[1] + (points[below, 1] - middle[1]) * generator.uniform(1.0, 3.0)
    return points


def _strands(outline, side, count, generator):
    """Yield strands, (POINTS, 2) in pixels, in clumps of like direction and bend."""
    middle = outline.mean(axis=0)
    while count > 0:
        clump = min(int(generator.integers(5, 30)), count)
        count -= clump
        root = int(generator.integers(len(outline)))
        lean, bend = generator.normal(0, 0.5), generator.normal(0, 2.0)
        length = side * generator.uniform(0.08, 0.45)
        for _ in range(clump):
            start = outline[(root + int(generator.integers(-4, 5))) % len(outline)]
            start = middle + ROOT * (start - middle)
            outward = np.arctan2(*(start - middle)[::-1]) + lean + generator.normal(0, 0.15)
            steps = np.linspace(0, 1, POINTS)
            turn = outward + steps * (bend + generator.normal(0, 0.4))
            way = np.stack([np.cos(turn), np.sin(turn)], axis=1).cumsum(axis=0) / POINTS
            way[:, 1] += generator.uniform(0, 0.4) * steps**2  # weight
            yield start + length * generator.uniform(0.6, 1.2) * way


def _drawn(points):
    """Return points in pixels as OpenCV's fixed-point coordinates of the fine drawing."""
    return np.round((FINE * points - 0.5) * (1 << SHIFT)).astype(np.int32)[:, None]


def _shade(colour, factor):
    """Return a colour and full cover for OpenCV."""
    return *(int(value) for value in np.rint(255 * (colour * factor).clip(0, 1))), 255
