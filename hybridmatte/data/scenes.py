"""Drawn scenes with exact alpha: hair, fur, lace, plants, smoke, motion blur and glass."""

import numpy as np

from hybridmatte._validation import check_choice, check_integer
from hybridmatte.data.drawing import (
    FINE,
    SHIFT,
    averaged,
    check_texture,
    cloud,
    fixed_point,
    random_outline,
    shade,
    textured,
)
from hybridmatte.data.folders import Sample
from hybridmatte.data.strands import random_hair

__all__ = ["SCENES", "random_scene"]

BLUR_STEPS = 24  # moments of an exposure
FAINTEST = 1 / 255  # smoke below is none
TWIGS, POINTS = (8, 90), 12  # least and most of a plant; points of each
HIGHLIGHTS = (2, 6)  # least and most of a glass


def random_scene(shape, generator, *, kind=None, texture=None):
    """Draw a scene with exact foreground colours and alpha.

    Hair, fur, lace and plants are drawn opaque at four times the resolution and averaged; a moving object is the mean
    of its places; smoke and glass have a smooth alpha by themselves. Glass does not bend the light behind it.

    Parameters
    ----------
    shape : (int, int)
        Height and width, at least 16.
    generator : numpy.random.Generator
    kind : {"hair", "fur", "lace", "plant", "smoke", "motion", "glass"}, optional
        By default one at random.
    texture : (H, W, 3) float32 array, optional
        Colours of hair, fur, lace, plants and what moves, see `random_hair`; smoke and glass have colours of their own.

    Returns
    -------
    sample : Sample
        With foreground (H, W, 3) and alpha (H, W), float32 in [0, 1]; its name is the kind.

    Raises
    ------
    ValueError
        If there is no such kind, a side is too small, or the texture has another shape.

    Examples
    --------
    >>> sample = random_scene((64, 80), np.random.default_rng(0), kind="smoke")
    >>> sample.foreground.shape, bool(0 < sample.alpha.mean() < 1)
    ((64, 80, 3), True)
    """
    shape = tuple(check_integer(side, "shape", low=16) for side in shape)
    texture = check_texture(texture, shape)
    if kind is None:
        kind = list(SCENES)[int(generator.integers(len(SCENES)))]
    foreground, alpha = SCENES[check_choice(kind, "kind", SCENES)](shape, generator, texture)
    return Sample(kind, foreground=np.float32(foreground), alpha=np.float32(alpha))


def _hair(shape, generator, texture):
    sample = random_hair(shape, generator, texture=texture)
    return sample.foreground, sample.alpha


def _fur(shape, generator, texture):
    sample = random_hair(shape, generator, strands=(1500, 4000), widths=(0.4, 1.6), lengths=(0.02, 0.08),
                         texture=texture)
    return sample.foreground, sample.alpha


def _lace(shape, generator, texture):
    """Return threads of two directions over a wavy piece of cloth, with a hem and knots."""
    import cv2

    colour = generator.uniform(0.2, 0.95, 3) if texture is None else np.full(3, 0.5)
    side, canvas = min(shape), np.zeros((FINE * shape[0], FINE * shape[1], 4), np.uint8)
    outline = random_outline(*shape, generator)
    cell = side * generator.uniform(0.015, 0.06)
    thickness = max(round(FINE * cell * generator.uniform(0.08, 0.35)), 1)
    for points in _threads(shape, cell, generator):
        cv2.polylines(canvas, [fixed_point(points)], False, shade(colour, generator.uniform(0.7, 1.3)), thickness,
                      shift=SHIFT)
    for _ in range(int(generator.integers(0, 60))):
        knot = (generator.uniform(0, 1, 2) * (shape[1], shape[0]))[None]
        cv2.circle(canvas, fixed_point(knot)[0, 0].tolist(), int(FINE * cell * (1 << SHIFT)), shade(colour, 1.0), -1,
                   shift=SHIFT)
    cloth = np.zeros(canvas.shape[:2], np.uint8)
    cv2.fillPoly(cloth, [fixed_point(outline)], 1, shift=SHIFT)
    canvas *= cloth[:, :, None]
    hem = max(round(FINE * cell * generator.uniform(0.2, 0.8)), 1)
    cv2.polylines(canvas, [fixed_point(outline)], True, shade(colour, 1.0), hem, shift=SHIFT)
    foreground, alpha = averaged(canvas, colour)
    return textured(foreground, texture), alpha


def _threads(shape, cell, generator):
    """Yield wavy lines (N, 2) in pixels, of two directions, that cover the picture."""
    reach = float(np.hypot(*shape))
    along = np.linspace(-reach / 2, reach / 2, 80)
    first = generator.uniform(0, np.pi)
    for angle in (first, first + generator.uniform(0.25, 0.5) * np.pi):
        wave, phase = generator.uniform(0.0, 0.6) * cell, generator.uniform(0, 2 * np.pi)
        for offset in np.arange(-reach / 2, reach / 2, cell):
            across = offset + wave * np.sin(along / (3 * cell) + phase)
            turned = (np.cos(angle) * along - np.sin(angle) * across, np.sin(angle) * along + np.cos(angle) * across)
            yield np.stack(turned, axis=1) + (shape[1] / 2, shape[0] / 2)


def _plant(shape, generator, texture):
    """Return twigs that fork and taper, with pointed leaves, each as bright as the light on it."""
    import cv2

    colours = generator.uniform(0.1, 0.8, (2, 3)) if texture is None else np.full((2, 3), 0.5)
    side, canvas = min(shape), np.zeros((FINE * shape[0], FINE * shape[1], 4), np.uint8)
    size = side * generator.uniform(0.02, 0.08)  # of a leaf
    for points, width in _twigs(shape, generator):
        cv2.polylines(canvas, [fixed_point(points)], False, shade(colours[0], generator.uniform(0.4, 1.3)),
                      max(round(FINE * width), 1), shift=SHIFT)
        for _ in range(int(generator.poisson(3 if width < 0.012 * side else 0))):
            leaf = _leaf(generator, size * generator.uniform(0.4, 1.4)) + points[int(generator.integers(len(points)))]
            cv2.fillPoly(canvas, [fixed_point(leaf)], shade(colours[1], generator.uniform(0.3, 1.6)), shift=SHIFT)
    foreground, alpha = averaged(canvas, colours[1])
    return textured(foreground, texture), alpha


def _twigs(shape, generator):
    """Yield twigs as (N, 2) points in pixels and their width, each before those that grow from it."""
    side = min(shape)
    base = np.array([shape[1] * generator.uniform(0.3, 0.7), shape[0] * 1.02])
    growing = [(base, -np.pi / 2, shape[0] * generator.uniform(0.3, 0.5), side * generator.uniform(0.02, 0.08))]
    for _ in range(int(generator.integers(*TWIGS))):
        start, angle, length, width = growing.pop(0)
        turn = angle + np.cumsum(generator.normal(0, 0.12, POINTS))
        steps = np.stack([np.cos(turn), np.sin(turn)], axis=1).cumsum(axis=0)
        points = start + length / POINTS * np.concatenate([np.zeros((1, 2)), steps])
        yield points, width
        for _ in range(int(generator.integers(2, 5))):
            root = int(generator.integers(POINTS // 3, POINTS))
            growing.append((points[root], turn[root] + generator.normal(0, 0.7), length * generator.uniform(0.4, 0.9),
                            max(width * generator.uniform(0.35, 0.75), 0.6)))


def _leaf(generator, size):
    """Return a pointed leaf, (N, 2) points in pixels, that begins at 0."""
    along = np.linspace(0, 1, 12)
    half = np.sin(np.pi * along**0.8) * generator.uniform(0.15, 0.4)
    outline = np.concatenate([np.stack([along, half], axis=1), np.stack([along, -half], axis=1)[::-1]])
    turn, bend = generator.uniform(0, 2 * np.pi), generator.normal(0, 0.3)
    outline[:, 1] += bend * outline[:, 0] ** 2
    cosine, sine = np.cos(turn), np.sin(turn)
    return size * outline @ np.array([[cosine, sine], [-sine, cosine]])


def _smoke(shape, generator, texture):  # noqa: ARG001 -- it has colours of its own
    """Return clouds within a soft outline."""
    import cv2

    body = np.zeros(shape, np.float32)
    cv2.fillPoly(body, [np.int32(random_outline(*shape, generator))], 1)
    body = cv2.GaussianBlur(body, (0, 0), min(shape) * generator.uniform(0.04, 0.12))
    noise = cloud(shape, generator, coarsest=int(generator.integers(2, 6)), octaves=6)
    low = generator.uniform(0.2, 0.4)
    alpha = body * ((noise - low) / generator.uniform(0.2, 0.5)).clip(0, 1) * generator.uniform(0.5, 1.0)
    colour = generator.uniform(0.2, 0.95) + generator.normal(0, 0.05, 3)
    tone = 0.7 + 0.6 * cloud(shape, generator, octaves=3)
    return (tone[:, :, None] * colour).clip(0, 1), np.where(alpha < FAINTEST, 0, alpha)


def _motion(shape, generator, texture):
    """Return an object that moves along a bent way while the picture is taken: the mean of its places."""
    import cv2

    colours, cover = (_hair, _lace)[int(generator.integers(2))](shape, generator, texture)
    planes = np.dstack([colours * cover[:, :, None], cover])
    angle, bend = generator.uniform(0, 2 * np.pi), generator.normal(0, 1.0)
    length = min(shape) * generator.uniform(0.02, 0.12)
    total = np.zeros_like(planes)
    for moment in np.linspace(-0.5, 0.5, BLUR_STEPS):
        turn = angle + bend * moment
        shift = np.float32([[1, 0, length * moment * np.cos(turn)], [0, 1, length * moment * np.sin(turn)]])
        total += cv2.warpAffine(planes, shift, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    total /= BLUR_STEPS
    alpha = total[:, :, 3:].clip(0, 1)
    foreground = np.where(alpha > 1e-6, total[:, :, :3] / np.maximum(alpha, 1e-6), colours)
    return foreground.clip(0, 1), alpha[:, :, 0]


def _glass(shape, generator, texture):  # noqa: ARG001 -- it has colours of its own
    """Return a clear body, denser at its rim, with wrinkles and highlights."""
    import cv2

    colour = generator.uniform(0.3, 1.0, 3)
    canvas = np.zeros((FINE * shape[0], FINE * shape[1], 4), np.uint8)
    cv2.fillPoly(canvas, [fixed_point(random_outline(*shape, generator))], shade(colour, 1.0), shift=SHIFT)
    body = averaged(canvas, colour)[1]
    depth = cv2.distanceTransform(np.uint8(body > 0.5), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    depth = np.sqrt(np.rint(depth**2))  # OpenCV's last digit depends on where in memory the picture lies
    rim = np.exp(-depth / (min(shape) * generator.uniform(0.005, 0.05)))
    ridges = 1 - np.abs(2 * cloud(shape, generator, coarsest=4, octaves=5) - 1)
    wrinkles = generator.uniform(0, 0.6) * ridges ** generator.uniform(4, 16)
    veil = generator.uniform(0.03, 0.35) + generator.uniform(0.1, 0.6) * rim + wrinkles
    light = _highlights(shape, generator)
    alpha = body * (1 - (1 - veil.clip(0, 1)) * (1 - light))
    share = (light / np.maximum(1 - (1 - veil.clip(0, 1)) * (1 - light), 1e-6)).clip(0, 1)[:, :, None]
    return share + (1 - share) * colour, alpha


def _highlights(shape, generator):
    """Return blurred spots of light (H, W) in [0, 1]."""
    import cv2

    light = np.zeros(shape, np.float32)
    for _ in range(int(generator.integers(HIGHLIGHTS[0], HIGHLIGHTS[1] + 1))):
        centre = tuple(int(side * generator.uniform(0.2, 0.8)) for side in shape[::-1])
        axes = tuple(max(int(min(shape) * generator.uniform(0.005, 0.06)), 1) for _ in range(2))
        cv2.ellipse(light, centre, axes, generator.uniform(0, 180), 0, 360, generator.uniform(0.3, 1.0), -1)
    return cv2.GaussianBlur(light, (0, 0), min(shape) * 0.004).clip(0, 1)


SCENES = {"hair": _hair, "fur": _fur, "lace": _lace, "plant": _plant, "smoke": _smoke, "motion": _motion,
          "glass": _glass}
