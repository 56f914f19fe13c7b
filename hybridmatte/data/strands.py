"""Drawn hair: strands and a body with exact alpha and colours, for training where photographed mattes are few."""

import numpy as np

from hybridmatte._validation import check_integer, check_number
from hybridmatte.data.drawing import FINE, SHIFT, averaged, check_texture, fixed_point, random_outline, shade, textured
from hybridmatte.data.folders import Sample

__all__ = ["random_hair"]

POINTS = 24  # of a strand
ROOT = 0.96  # of the way from the body's middle to its outline, where strands begin
TAPER = 3  # pieces of a strand, each thinner than the one before


def random_hair(shape, generator, *, strands=(150, 600), widths=(0.3, 1.5), lengths=(0.08, 0.45), texture=None):
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
    lengths : (float, float), default (0.08, 0.45)
        Of the clumps, as shares of the shorter side.
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
    short, long = (check_number(length, "lengths", above=0) for length in lengths)
    if low > high or thin > thick or short > long:
        raise ValueError(f"strands are {strands}, widths {widths} and lengths {lengths}, expected the smaller first")
    side, texture = min(height, width), check_texture(texture, (height, width))
    colour = generator.uniform(0.05, 0.9, 3) if texture is None else np.full(3, 0.5)
    canvas = np.zeros((FINE * height, FINE * width, 4), np.uint8)  # colours and cover
    outline = random_outline(height, width, generator)
    cv2.fillPoly(canvas, [fixed_point(outline)], shade(colour, 1.0), shift=SHIFT)
    count = int(generator.integers(low, high + 1))
    for strand in _strands(outline, count, (side * short, side * long), generator):
        size = side / 512 * np.exp(generator.uniform(*np.log((thin, thick))))
        paint = shade(colour, generator.uniform(0.5, 1.6))
        for piece, points in enumerate(np.array_split(np.arange(POINTS), TAPER)):
            thickness = max(round(FINE * size * (1 - piece / TAPER)), 1)
            cv2.polylines(canvas, [fixed_point(strand[points[0]:points[-1] + 2])], False, paint, thickness, shift=SHIFT)
    foreground, alpha = averaged(canvas, colour)
    return Sample("hair", foreground=textured(foreground, texture), alpha=alpha)


def _strands(outline, count, lengths, generator):
    """Yield strands, (POINTS, 2) in pixels, in clumps of like length, direction and bend."""
    middle = outline.mean(axis=0)
    while count > 0:
        clump = min(int(generator.integers(5, 30)), count)
        count -= clump
        root = int(generator.integers(len(outline)))
        lean, bend = generator.normal(0, 0.5), generator.normal(0, 2.0)
        length = generator.uniform(*lengths)
        for _ in range(clump):
            start = outline[(root + int(generator.integers(-4, 5))) % len(outline)]
            start = middle + ROOT * (start - middle)
            outward = np.arctan2(*(start - middle)[::-1]) + lean + generator.normal(0, 0.15)
            steps = np.linspace(0, 1, POINTS)
            turn = outward + steps * (bend + generator.normal(0, 0.4))
            way = np.stack([np.cos(turn), np.sin(turn)], axis=1).cumsum(axis=0) / POINTS
            way[:, 1] += generator.uniform(0, 0.4) * steps**2  # weight
            yield start + length * generator.uniform(0.6, 1.2) * way
