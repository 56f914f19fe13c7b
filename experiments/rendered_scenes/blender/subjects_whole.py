"""Whole things of several materials: a doll, a pot with a plant, a vase with flowers, a cactus, a hat, a basket."""

import numpy as np

from experiments.rendered_scenes.blender.geometry import (
    add_ball,
    add_lathe,
    add_sheet,
    add_strands,
    smooth_bumps,
)
from experiments.rendered_scenes.blender.materials import (
    any_colour,
    cloth_surface,
    glass_surface,
    leaf_colour,
    random_surface,
    strand_surface,
)
from experiments.rendered_scenes.blender.strands import Growth, grow, roots_on_ball, strand_colours, taper
from experiments.rendered_scenes.blender.subjects import feathers, head_with_hair, one_solid
from experiments.rendered_scenes.blender.subjects_thin import bush, flowers, grass


def whole(generator: np.random.Generator) -> None:
    """Add one of the whole things."""
    things = (doll, doll, potted_plant, potted_plant, vase_with_flowers, cactus, hat, basket)
    things[int(generator.integers(len(things)))](generator)


def doll(generator: np.random.Generator) -> None:
    """Add a doll: body, arms, legs, and a head with hair; sometimes with a skirt."""
    cloth, skin = random_surface(generator), random_surface(generator, 1.0)
    add_ball(np.array([0, 0, -0.3]), np.array([0.24, 0.28, 0.36]), cloth, smooth_bumps(generator, 0.2))
    for side in (-1, 1):
        lift = generator.uniform(-0.2, 0.3)
        for k, share in enumerate(np.linspace(0.3, 1, 4)):
            place = np.array([0, side * (0.2 + 0.34 * share), -0.12 + lift * share])
            add_ball(place, np.full(3, 0.1), cloth if k < 2 else skin)
        add_ball(np.array([0, side * 0.14, -0.75]), np.array([0.11, 0.11, 0.3]), skin)
        add_ball(np.array([0.08, side * 0.15, -1.0]), np.array([0.17, 0.1, 0.08]), random_surface(generator))
    if generator.uniform() < 0.4:
        heights = np.linspace(-0.75, -0.25, 20)
        add_lathe(0.22 + 0.5 * (-0.25 - heights), heights, cloth_surface(generator))
    head_with_hair(generator, np.array([0, 0, 0.38]), 0.72)


def potted_plant(generator: np.random.Generator) -> None:
    """Add a pot with a plant."""
    top, wide = -0.35, generator.uniform(0.24, 0.42)
    add_lathe(
        wide * np.array([1e-3, 0.7, 1.0, 1.08, 1.08, 0.95, 1e-3]),
        np.array([-0.9, -0.9, top - 0.1, top - 0.1, top, top, top - 0.06]),
        random_surface(generator),
    )
    grows = (bush, bush, grass, flowers)[int(generator.integers(4))]
    grows(generator, np.array([0, 0, top - 0.05]), 0.95)


def vase_with_flowers(generator: np.random.Generator) -> None:
    """Add a clear vase with flowers."""
    heights = np.linspace(-0.9, -0.15, 40)
    radii = 0.2 * (1 + smooth_bumps(generator, 0.7)(np.outer(heights, generator.normal(0, 1, 3))))
    add_lathe(radii, heights, glass_surface(generator))
    add_lathe(np.array([1e-3, radii[0], radii[0], 1e-3]), np.array([-0.95, -0.95, -0.88, -0.86]),
              random_surface(generator))  # fmt: skip
    flowers(generator, np.array([0, 0, -0.8]), 1.2)


def cactus(generator: np.random.Generator) -> None:
    """Add a cactus with spines, or a prickly fruit with a crown of leaves."""
    radii = np.array([0.36, 0.36, generator.uniform(0.4, 0.75)])
    add_ball(np.zeros(3), radii, random_surface(generator), smooth_bumps(generator, 0.2))
    count = int(generator.integers(60, 260))
    roots, normals = roots_on_ball(generator, count, np.zeros(3), radii)
    spines = Growth(generator.uniform(0.06, 0.25), 5, 0.5, 0.0, uneven=0.3)
    points = grow(generator, np.repeat(roots, 8, axis=0), np.repeat(normals, 8, axis=0), spines)
    colours = strand_colours(generator, any_colour(generator), len(points), 0.15)
    add_strands(points, taper(generator.uniform(0.003, 0.008), 5), colours, strand_surface(generator))
    if generator.uniform() < 0.5:
        grass(generator, np.array([0, 0, radii[2] * 0.9]), 0.6)


def hat(generator: np.random.Generator) -> None:
    """Add a hat with a brim and feathers."""
    add_ball(np.array([0, 0, -0.3]), np.array([0.4, 0.4, 0.35]), random_surface(generator))
    wave = smooth_bumps(generator, 0.3)

    def brim(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        ring = 0.38 + 0.35 * v
        flat = np.stack([ring * np.cos(2 * np.pi * u), ring * np.sin(2 * np.pi * u), -0.4 - 0.1 * v], axis=-1)
        return flat + np.array([0, 0, 0.4]) * (v * wave(flat))[..., None]

    add_sheet(brim, cloth_surface(generator))
    feathers(generator)


def basket(generator: np.random.Generator) -> None:
    """Add a woven basket with fruit and grass."""
    turn = np.linspace(0, 2 * np.pi, 80)
    heights = np.linspace(-0.8, -0.15, int(generator.integers(7, 14)))
    wide = generator.uniform(0.4, 0.6) * (1 + 0.3 * (heights + 0.8))
    rings = np.stack([wide[:, None] * np.cos(turn), wide[:, None] * np.sin(turn), heights[:, None] + 0 * turn], -1)
    posts = np.linspace(0, 2 * np.pi, int(generator.integers(14, 40)))[:, None]
    bars = np.stack([wide * np.cos(posts), wide * np.sin(posts), heights + 0 * posts], -1)
    colour = any_colour(generator)
    for lines in (rings, bars):
        tint = strand_colours(generator, colour, len(lines), 0.15)
        add_strands(lines, generator.uniform(0.008, 0.02), tint, strand_surface(generator))
    for _ in range(int(generator.integers(2, 6))):
        one_solid(generator, np.array([*generator.normal(0, 0.18, 2), generator.uniform(-0.5, -0.1)]), 0.22)
    if generator.uniform() < 0.5:
        count = 150
        normals = generator.normal(0, 0.6, (count, 3)) + [0, 0, 1]
        straw = grow(generator, generator.normal(0, 0.2, (count, 3)) - [0, 0, 0.3], normals, Growth(0.6, 8, 0.3, 0.3))
        add_strands(straw, 0.006, strand_colours(generator, leaf_colour(generator), count, 0.2),
                    strand_surface(generator))  # fmt: skip
