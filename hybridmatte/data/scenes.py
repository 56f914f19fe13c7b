"""Drawn scenes with exact alpha: hair, fur, lace, plants, smoke, motion blur and glass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte._validation import check_choice, check_integer
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
    smooth_noise,
)
from hybridmatte.data.folders import Sample
from hybridmatte.data.strands import random_hair
from hybridmatte.trimap import depth_inside

__all__ = ["SCENES", "random_scene"]

Texture = npt.NDArray[np.float32] | None
Layer = tuple[npt.NDArray[Any], npt.NDArray[Any]]  # foreground (H, W, 3) and alpha (H, W)

BLUR_STEPS = 24  # positions of a moving object that are averaged
FAINTEST = 1 / 255  # smoke of a lower alpha is removed
TWIGS, POINTS = (8, 90), 12  # range of the number of a plant's twigs; points of each
HIGHLIGHTS = (2, 6)  # range of the number of a glass's highlights


def random_scene(
    shape: Shape,
    generator: np.random.Generator,
    *,
    kind: Literal["hair", "fur", "lace", "plant", "smoke", "motion", "glass"] | None = None,
    texture: npt.ArrayLike | None = None,
) -> Sample:
    """Draw a scene with exact foreground colours and alpha.

    Hair, fur, lace and plants are drawn opaque at four times the resolution and averaged. A moving object is the mean
    of its positions. Smoke and glass have a smooth alpha without averaging. Glass does not refract the background.

    Parameters
    ----------
    shape : (int, int)
        Height and width, at least 16.
    generator : numpy.random.Generator
        Source of randomness.
    kind : {"hair", "fur", "lace", "plant", "smoke", "motion", "glass"}, optional
        By default a random kind.
    texture : (H, W, 3) float32 array, optional
        Colours of hair, fur, lace, plants and moving objects; see `random_hair`. Smoke and glass draw their own colour.

    Returns
    -------
    sample : Sample
        With foreground (H, W, 3) and alpha (H, W), float32 in [0, 1]; its name is the kind.

    Raises
    ------
    ValueError
        If the kind is unknown, a side is too small, or the texture has another shape.

    Examples
    --------
    >>> sample = random_scene((64, 80), np.random.default_rng(0), kind="smoke")
    >>> sample.foreground.shape, bool(0 < sample.alpha.mean() < 1)
    ((64, 80, 3), True)
    """
    height, width = (check_integer(side, "shape", low=16) for side in shape)
    shape = height, width
    texture = check_texture(texture, shape)
    name = list(SCENES)[int(generator.integers(len(SCENES)))] if kind is None else check_choice(kind, "kind", SCENES)
    foreground, alpha = SCENES[name](shape, generator, texture)
    return Sample(name, foreground=foreground.astype(np.float32), alpha=alpha.astype(np.float32))


def _hair(shape: Shape, generator: np.random.Generator, texture: Texture) -> Layer:
    """Return a body with hair."""
    sample = random_hair(shape, generator, texture=texture)
    return sample.require("foreground"), sample.require("alpha")


def _fur(shape: Shape, generator: np.random.Generator, texture: Texture) -> Layer:
    """Return a body with short, dense hair."""
    sample = random_hair(
        shape, generator, strands=(1500, 4000), widths=(0.4, 1.6), lengths=(0.02, 0.08), texture=texture
    )
    return sample.require("foreground"), sample.require("alpha")


def _lace(shape: Shape, generator: np.random.Generator, texture: Texture) -> Layer:
    """Return a piece of cloth with a wavy outline: threads in two directions, knots, and a hem."""
    colour = generator.uniform(0.2, 0.95, 3) if texture is None else np.full(3, 0.5)
    side, canvas = min(shape), new_canvas(shape)
    outline = random_outline(*shape, generator)
    cell = side * generator.uniform(0.015, 0.06)
    thickness = max(round(FINE * cell * generator.uniform(0.08, 0.35)), 1)
    for points in _threads(shape, cell, generator):
        cv2.polylines(
            canvas, [fixed_point(points)], False, paint(colour, generator.uniform(0.7, 1.3)), thickness, shift=SHIFT
        )
    for _ in range(int(generator.integers(0, 60))):
        x, y = fixed_point((generator.uniform(0, 1, 2) * (shape[1], shape[0]))[None])[0, 0].tolist()
        cv2.circle(canvas, (x, y), int(FINE * cell * (1 << SHIFT)), paint(colour, 1.0), -1, shift=SHIFT)
    is_cloth = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(is_cloth, [fixed_point(outline)], (1,), shift=SHIFT)
    canvas *= is_cloth[:, :, None]
    hem = max(round(FINE * cell * generator.uniform(0.2, 0.8)), 1)
    cv2.polylines(canvas, [fixed_point(outline)], True, paint(colour, 1.0), hem, shift=SHIFT)
    foreground, alpha = average_canvas(canvas, colour)
    return apply_texture(foreground, texture), alpha


def _threads(shape: Shape, cell: float, generator: np.random.Generator) -> Iterator[Points]:
    """Yield wavy lines in two directions that cover the picture, `cell` pixels apart."""
    reach = float(np.hypot(*shape))
    along = np.linspace(-reach / 2, reach / 2, 80)
    first = generator.uniform(0, np.pi)
    for angle in (first, first + generator.uniform(0.25, 0.5) * np.pi):
        wave, phase = generator.uniform(0.0, 0.6) * cell, generator.uniform(0, 2 * np.pi)
        for offset in np.arange(-reach / 2, reach / 2, cell):
            across = offset + wave * np.sin(along / (3 * cell) + phase)
            rotated = (np.cos(angle) * along - np.sin(angle) * across, np.sin(angle) * along + np.cos(angle) * across)
            yield np.stack(rotated, axis=1) + (shape[1] / 2, shape[0] / 2)


def _plant(shape: Shape, generator: np.random.Generator, texture: Texture) -> Layer:
    """Return branching, tapering twigs with pointed leaves of random brightness."""
    colours = generator.uniform(0.1, 0.8, (2, 3)) if texture is None else np.full((2, 3), 0.5)
    side, canvas = min(shape), new_canvas(shape)
    leaf_size = side * generator.uniform(0.02, 0.08)
    for points, width in _twigs(shape, generator):
        cv2.polylines(
            canvas,
            [fixed_point(points)],
            False,
            paint(colours[0], generator.uniform(0.4, 1.3)),
            max(round(FINE * width), 1),
            shift=SHIFT,
        )
        for _ in range(int(generator.poisson(3 if width < 0.012 * side else 0))):
            leaf = _leaf(generator, leaf_size * generator.uniform(0.4, 1.4))
            leaf = leaf + points[int(generator.integers(len(points)))]
            cv2.fillPoly(canvas, [fixed_point(leaf)], paint(colours[1], generator.uniform(0.3, 1.6)), shift=SHIFT)
    foreground, alpha = average_canvas(canvas, colours[1])
    return apply_texture(foreground, texture), alpha


def _twigs(shape: Shape, generator: np.random.Generator) -> Iterator[tuple[Points, float]]:
    """Yield twigs and their widths in pixels, each before the twigs that branch off it."""
    side = min(shape)
    base = np.array([shape[1] * generator.uniform(0.3, 0.7), shape[0] * 1.02])
    growing = [(base, -np.pi / 2, shape[0] * generator.uniform(0.3, 0.5), side * generator.uniform(0.02, 0.08))]
    for _ in range(int(generator.integers(*TWIGS))):
        start, angle, length, width = growing.pop(0)
        angles = angle + np.cumsum(generator.normal(0, 0.12, POINTS))
        steps = np.stack([np.cos(angles), np.sin(angles)], axis=1).cumsum(axis=0)
        points = start + length / POINTS * np.concatenate([np.zeros((1, 2)), steps])
        yield points, width
        for _ in range(int(generator.integers(2, 5))):
            root = int(generator.integers(POINTS // 3, POINTS))
            growing.append(
                (
                    points[root],
                    angles[root] + generator.normal(0, 0.7),
                    length * generator.uniform(0.4, 0.9),
                    max(width * generator.uniform(0.35, 0.75), 0.6),
                )
            )


def _leaf(generator: np.random.Generator, size: float) -> Points:
    """Return the outline of a pointed leaf whose stem is at the origin."""
    along = np.linspace(0, 1, 12)
    half_width = np.sin(np.pi * along**0.8) * generator.uniform(0.15, 0.4)
    outline = np.concatenate([np.stack([along, half_width], axis=1), np.stack([along, -half_width], axis=1)[::-1]])
    angle, bend = generator.uniform(0, 2 * np.pi), generator.normal(0, 0.3)
    outline[:, 1] += bend * outline[:, 0] ** 2
    cosine, sine = np.cos(angle), np.sin(angle)
    return size * outline @ np.array([[cosine, sine], [-sine, cosine]])


def _smoke(shape: Shape, generator: np.random.Generator, texture: Texture) -> Layer:  # noqa: ARG001 -- own colour
    """Return clouds within a soft outline."""
    body = np.zeros(shape, np.float32)
    cv2.fillPoly(body, [random_outline(*shape, generator).astype(np.int32)], (1,))
    body = cv2.GaussianBlur(body, (0, 0), min(shape) * generator.uniform(0.04, 0.12))
    noise = smooth_noise(shape, generator, coarsest=int(generator.integers(2, 6)), octaves=6)
    low = generator.uniform(0.2, 0.4)
    alpha = body * ((noise - low) / generator.uniform(0.2, 0.5)).clip(0, 1) * generator.uniform(0.5, 1.0)
    colour = generator.uniform(0.2, 0.95) + generator.normal(0, 0.05, 3)
    brightness = 0.7 + 0.6 * smooth_noise(shape, generator, octaves=3)
    return (brightness[:, :, None] * colour).clip(0, 1), np.where(alpha < FAINTEST, 0, alpha)


def _motion(shape: Shape, generator: np.random.Generator, texture: Texture) -> Layer:
    """Return an object with motion blur along a curved path: the mean of its positions during the exposure."""
    colours, alpha = (_hair, _lace)[int(generator.integers(2))](shape, generator, texture)
    premultiplied = np.dstack([colours * alpha[:, :, None], alpha])
    angle, bend = generator.uniform(0, 2 * np.pi), generator.normal(0, 1.0)
    length = min(shape) * generator.uniform(0.02, 0.12)
    total = np.zeros_like(premultiplied)
    for moment in np.linspace(-0.5, 0.5, BLUR_STEPS):
        direction = angle + bend * moment
        shift = np.array(
            [[1, 0, length * moment * np.cos(direction)], [0, 1, length * moment * np.sin(direction)]], np.float32
        )
        total += cv2.warpAffine(
            premultiplied, shift, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    total /= BLUR_STEPS
    blurred_alpha = total[:, :, 3:].clip(0, 1)
    foreground = np.where(blurred_alpha > 1e-6, total[:, :, :3] / np.maximum(blurred_alpha, 1e-6), colours)
    return foreground.clip(0, 1), blurred_alpha[:, :, 0]


def _glass(shape: Shape, generator: np.random.Generator, texture: Texture) -> Layer:  # noqa: ARG001 -- own colour
    """Return a transparent body, denser at its rim, with wrinkles and highlights."""
    colour = generator.uniform(0.3, 1.0, 3)
    canvas = new_canvas(shape)
    cv2.fillPoly(canvas, [fixed_point(random_outline(*shape, generator))], paint(colour, 1.0), shift=SHIFT)
    body = average_canvas(canvas, colour)[1]
    # OpenCV's last digit depends on the array's address in memory; squared distances are whole numbers.
    depth = np.sqrt(np.rint(depth_inside(body > 0.5) ** 2))
    rim = np.exp(-depth / (min(shape) * generator.uniform(0.005, 0.05)))
    ridges = 1 - np.abs(2 * smooth_noise(shape, generator, coarsest=4, octaves=5) - 1)
    wrinkles = generator.uniform(0, 0.6) * ridges ** generator.uniform(4, 16)
    density = generator.uniform(0.03, 0.35) + generator.uniform(0.1, 0.6) * rim + wrinkles
    light = _highlights(shape, generator)
    opacity = 1 - (1 - density.clip(0, 1)) * (1 - light)
    share = (light / np.maximum(opacity, 1e-6)).clip(0, 1)[:, :, None]  # of the highlights, which are white
    return share + (1 - share) * colour, body * opacity


def _highlights(shape: Shape, generator: np.random.Generator) -> npt.NDArray[np.float32]:
    """Return the opacity (H, W) of blurred elliptical highlights, in [0, 1]."""
    light = np.zeros(shape, np.float32)
    for _ in range(int(generator.integers(HIGHLIGHTS[0], HIGHLIGHTS[1] + 1))):
        x, y = (int(side * generator.uniform(0.2, 0.8)) for side in shape[::-1])
        axes = tuple(max(int(min(shape) * generator.uniform(0.005, 0.06)), 1) for _ in range(2))
        cv2.ellipse(light, (x, y), axes, generator.uniform(0, 180), 0, 360, (generator.uniform(0.3, 1.0),), -1)
    return cv2.GaussianBlur(light, (0, 0), min(shape) * 0.004).clip(0, 1)


SCENES: dict[str, Callable[[Shape, np.random.Generator, Texture], Layer]] = {
    "hair": _hair,
    "fur": _fur,
    "lace": _lace,
    "plant": _plant,
    "smoke": _smoke,
    "motion": _motion,
    "glass": _glass,
}
