"""Drawn hair: a body and strands with exact alpha and colours, for training where photographs with alpha are few."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_integer, check_number
from hybridmatte.data.drawing import (
    FINE,
    SHIFT,
    Points,
    Shape,
    apply_texture,
    average_canvas,
    check_texture,
    fixed_point,
    new_canvas,
    paint,
    random_outline,
)
from hybridmatte.data.folders import Sample

__all__ = ["random_hair"]

POINTS = 24  # points of a strand
ROOT = 0.96  # strands start at this share of the way from the body's centre to its outline
PIECES = 3  # pieces of a strand, each thinner than the one before


def random_hair(
    shape: Shape,
    generator: np.random.Generator,
    *,
    strands: tuple[int, int] = (150, 600),
    widths: tuple[float, float] = (0.3, 1.5),
    lengths: tuple[float, float] = (0.08, 0.45),
    texture: npt.ArrayLike | None = None,
) -> Sample:
    """Draw a body with strands of hair around it.

    Strands are polylines, in clumps, that start at the body's outline, bend, and hang down. Each has its own brightness
    and width, and becomes thinner towards its tip. Body and strands are drawn opaque at four times the resolution and
    averaged: alpha is the covered share of a pixel, and the foreground is the mean colour of that share. Over a
    background that is constant within each pixel, the composite is exactly the average of the picture drawn over it.

    Parameters
    ----------
    shape : (int, int)
        Height and width, at least 16.
    generator : numpy.random.Generator
        Source of randomness.
    strands : (int, int), default (150, 600)
        Smallest and largest number of strands.
    widths : (float, float), default (0.3, 1.5)
        Range of a strand's width at its root, in pixels of an image whose shorter side is 512; scaled to this image.
    lengths : (float, float), default (0.08, 0.45)
        Range of a clump's length, as a share of the image's shorter side.
    texture : (H, W, 3) float32 array, optional
        Colours of body and strands, each made darker or brighter. By default one random colour.

    Returns
    -------
    sample : Sample
        With foreground (H, W, 3) and alpha (H, W), float32 in [0, 1]. Outside the hair, the foreground has the body's
        colour.

    Raises
    ------
    ValueError
        If a number is out of range, or the larger end of a range comes first.

    Examples
    --------
    >>> sample = random_hair((64, 80), np.random.default_rng(0))
    >>> sample.foreground.shape, bool(0 < sample.alpha.mean() < 1)
    ((64, 80, 3), True)
    """
    height, width = (check_integer(side, "shape", low=16) for side in shape)
    low, high = (check_integer(count, "strands", low=1) for count in strands)
    thin, thick = (check_number(size, "widths", above=0) for size in widths)
    short, long = (check_number(length, "lengths", above=0) for length in lengths)
    if low > high or thin > thick or short > long:
        raise ValueError(f"strands are {strands}, widths {widths} and lengths {lengths}, expected the smaller first")
    side, texture = min(height, width), check_texture(texture, (height, width))
    colour = generator.uniform(0.05, 0.9, 3) if texture is None else np.full(3, 0.5)
    canvas = new_canvas((height, width))
    outline = random_outline(height, width, generator)
    cv2.fillPoly(canvas, [fixed_point(outline)], paint(colour, 1.0), shift=SHIFT)
    count = int(generator.integers(low, high + 1))
    for strand in _random_strands(outline, count, (side * short, side * long), generator):
        root_width = side / 512 * float(np.exp(generator.uniform(*np.log((thin, thick)))))
        _draw_strand(canvas, strand, root_width, paint(colour, generator.uniform(0.5, 1.6)))
    foreground, alpha = average_canvas(canvas, colour)
    return Sample("hair", foreground=apply_texture(foreground, texture), alpha=alpha)


def _draw_strand(
    canvas: npt.NDArray[np.uint8], strand: Points, root_width: float, colour: tuple[int, int, int, int]
) -> None:
    """Draw a strand in pieces, each thinner than the one before."""
    for piece, points in enumerate(np.array_split(np.arange(POINTS), PIECES)):
        thickness = max(round(FINE * root_width * (1 - piece / PIECES)), 1)
        cv2.polylines(canvas, [fixed_point(strand[points[0] : points[-1] + 2])], False, colour, thickness, shift=SHIFT)


def _random_strands(
    outline: Points, count: int, lengths: tuple[float, float], generator: np.random.Generator
) -> Iterator[Points]:
    """Yield strands (POINTS, 2), in clumps of similar length, direction and bend."""
    center = outline.mean(axis=0)
    while count > 0:
        clump = min(int(generator.integers(5, 30)), count)
        count -= clump
        root = int(generator.integers(len(outline)))
        lean, bend = generator.normal(0, 0.5), generator.normal(0, 2.0)
        length = generator.uniform(*lengths)
        for _ in range(clump):
            start = outline[(root + int(generator.integers(-4, 5))) % len(outline)]
            start = center + ROOT * (start - center)
            outward = np.arctan2(*(start - center)[::-1]) + lean + generator.normal(0, 0.15)
            steps = np.linspace(0, 1, POINTS)
            angles = outward + steps * (bend + generator.normal(0, 0.4))
            path = np.stack([np.cos(angles), np.sin(angles)], axis=1).cumsum(axis=0) / POINTS
            path[:, 1] += generator.uniform(0, 0.4) * steps**2  # gravity
            yield start + length * generator.uniform(0.6, 1.2) * path
