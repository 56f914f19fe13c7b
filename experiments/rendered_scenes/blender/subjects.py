"""Objects with hair, fur and feathers, and smooth ones. Each is about a unit in radius around the origin."""

import bpy
import numpy as np

from experiments.rendered_scenes.blender.geometry import (
    across,
    add_ball,
    add_lathe,
    add_mesh,
    add_strands,
    grid_faces,
    smooth_bumps,
    unit,
)
from experiments.rendered_scenes.blender.materials import (
    any_colour,
    hair_colour,
    random_surface,
    skin_surface,
    strand_surface,
)
from experiments.rendered_scenes.blender.strands import Growth, feather, grow, roots_on_ball, strand_colours, taper

ORIGIN = np.zeros(3)


def head_with_hair(generator: np.random.Generator, centre: np.ndarray = ORIGIN, size: float = 1.0) -> None:
    """Add a head with long hair: straight, wavy or curly, thin or thick, loose or in clumps."""
    radii = size * 0.42 * np.array([0.9, 1.0, 1.15])
    colour = hair_colour(generator)
    skin = random_surface(generator) if generator.uniform() < 0.5 else skin_surface(generator, colour)
    add_ball(centre, radii, skin, smooth_bumps(generator, 0.15))
    _face(generator, centre, radii)
    style = str(generator.choice(("straight", "wavy", "curly", "wild", "standing")))
    count = int(np.exp(generator.uniform(np.log(1500), np.log(6000))))
    growth = {
        "straight": Growth(size * generator.uniform(0.5, 1.1), 14, 0.3, 0.9, frizz=0.03, clumps=60),
        "wavy": Growth(size * generator.uniform(0.5, 1.0), 24, 0.4, 0.7, 0.02 * size, 3, 0.04, 80),
        "curly": Growth(size * generator.uniform(0.3, 0.7), 40, 0.5, 0.5, 0.04 * size, 6, 0.05, 150),
        "wild": Growth(size * generator.uniform(0.3, 0.8), 16, 0.9, 0.2, frizz=0.12),
        "standing": Growth(size * generator.uniform(0.4, 0.8), 12, 0.25, -0.3, frizz=0.05, clumps=30, tightness=0.7),
    }[style]
    roots, normals = roots_on_ball(generator, count, centre, radii, generator.uniform(-0.4, 0.3))
    add_hair(generator, roots, normals, growth, size * generator.uniform(0.0025, 0.006), colour)
    fringe = Growth(0.8 * growth.length, growth.steps, 0.8, growth.weight, growth.curl, growth.turns, 0.12)
    some = generator.uniform(size=count) < 0.08
    add_hair(generator, roots[some], normals[some], fringe, size * 0.0025, colour)


def furry_animal(generator: np.random.Generator, size: float = 1.0) -> None:
    """Add a soft toy: body, head, ears and legs in fur of one or two colours."""
    colour, other = hair_colour(generator), hair_colour(generator)
    surface = strand_surface(generator)
    thick = generator.uniform(0.004, 0.009)
    length, total = size * generator.uniform(0.06, 0.3), generator.uniform(5000, 11000)
    parts = [((0, 0, -0.25), (0.5, 0.45, 0.5)), ((0.1, 0, 0.45), (0.36, 0.36, 0.34))]
    ear = generator.uniform(0.08, 0.2)
    parts += [((0.1, side * 0.24, 0.45 + 0.34 + ear / 2), (0.07, ear * 0.6, ear)) for side in (-1, 1)]
    parts += [((0.25, side * 0.3, -0.7), (0.17, 0.17, 0.25)) for side in (-1, 1)]
    growth = Growth(
        length, 9, generator.uniform(0.2, 0.7), generator.uniform(0, 0.6), frizz=generator.uniform(0.02, 0.15),
        clumps=0, uneven=0.25,
    )  # fmt: skip
    skins = [skin_surface(generator, colour), skin_surface(generator, other)]
    areas = np.array([np.prod(radii) ** (2 / 3) for _, radii in parts])
    for k, (centre, radii) in enumerate(parts):
        centre, radii = size * np.array(centre), size * np.array(radii)
        add_ball(centre, radii, skins[k % 2])
        count = int(total * areas[k] / areas.sum())
        roots, normals = roots_on_ball(generator, count, centre, radii)
        points = grow(generator, roots, normals, growth)
        tint = strand_colours(generator, colour if k % 2 == 0 else other, count, 0.2)
        add_strands(points, taper(size * thick, 9), tint, surface)
    _face(generator, size * np.array([0.1, 0, 0.45]), size * np.array([0.45, 0.36, 0.34]))


def fur_ball(generator: np.random.Generator) -> None:
    """Add a ball or a cushion with fur of one length, or a pompon of threads."""
    radii = 0.55 * np.exp(generator.normal(0, 0.25, 3))
    colour = hair_colour(generator)
    add_ball(ORIGIN, radii, skin_surface(generator, colour))
    growth = Growth(
        generator.uniform(0.15, 0.55), 12, generator.uniform(0.1, 0.8), generator.uniform(-0.1, 0.7),
        float(generator.choice([0, 0, 0.03])), 5, generator.uniform(0.02, 0.12), int(generator.choice([0, 60, 200])),
    )  # fmt: skip
    roots, normals = roots_on_ball(generator, int(generator.integers(2500, 7000)), ORIGIN, radii)
    add_hair(generator, roots, normals, growth, generator.uniform(0.004, 0.009), colour)


def add_hair(
    generator: np.random.Generator, roots: np.ndarray, normals: np.ndarray, growth: Growth, radius: float, colour
) -> bpy.types.Object:
    """Add strands around a colour."""
    points = grow(generator, roots, normals, growth)
    colours = strand_colours(generator, colour, len(points), generator.uniform(0.1, 0.4))
    return add_strands(points, taper(radius, points.shape[1]), colours, strand_surface(generator))


def feathers(generator: np.random.Generator) -> None:
    """Add one feather, a fan of feathers, or a boa of barbs around a curve."""
    kind = str(generator.choice(("one", "fan", "boa")))
    surface = strand_surface(generator, gloss=0.08)
    if kind == "boa":
        along = np.linspace(0, 1, 300)
        axis = np.cumsum(unit(generator.normal(0, 0.05, (300, 3)).cumsum(axis=0) + [0.4, 0.1, 0.1]), axis=0) * 0.008
        axis -= axis.mean(axis=0)
        directions = unit(np.gradient(axis, axis=0))
        first, second = across(directions)
        pick = generator.integers(0, 300, 6000)
        turn = generator.uniform(0, 2 * np.pi, (6000, 1))
        normals = np.cos(turn) * first[pick] + np.sin(turn) * second[pick]
        growth = Growth(generator.uniform(0.15, 0.4), 9, 0.3, 0.25, frizz=0.12)
        points = grow(generator, axis[pick], normals, growth)
        colours = strand_colours(generator, any_colour(generator), 6000, 0.15)
        add_strands(points, taper(0.003, 9), colours, surface)
        add_strands(axis[None], 0.02 + 0 * along, any_colour(generator)[None], surface)
        return
    count = 1 if kind == "one" else int(generator.integers(3, 8))
    start = generator.uniform(0, 2 * np.pi)
    for k in range(count):
        rachis, barbs, at = feather(generator, 260, generator.uniform(0.12, 0.3))
        turn = start + (k - count / 2) * generator.uniform(0.25, 0.4)
        matrix = 2.0 * np.array([[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]])
        roll = generator.normal(0, 0.5)
        tilt = np.array([[1, 0, 0], [0, np.cos(roll), -np.sin(roll)], [0, np.sin(roll), np.cos(roll)]])
        middle = [0.5, 0, 0] if count == 1 else [0.45, 0, 0]
        rachis, barbs = (((points - middle) @ tilt.T) @ matrix.T for points in (rachis, barbs))
        colour, tip = any_colour(generator), any_colour(generator)
        share = (at[:, None] > generator.uniform(0.5, 1.2)) * 1.0
        tint = strand_colours(generator, colour, len(at), 0.12) * (1 - share) + tip * share
        add_strands(barbs, taper(generator.uniform(0.004, 0.008), 10, 0.3), tint, surface)
        add_strands(rachis, taper(0.012, 24, 0.2), (0.5 * colour + 0.4)[None], surface)


def solids(generator: np.random.Generator) -> None:
    """Add one to five smooth solids in a heap: balls, boxes, rings, vases, twisted bars."""
    count = int(generator.integers(1, 6))
    for k in range(count):
        size = 0.75 if count == 1 else generator.uniform(0.25, 0.55)
        centre = ORIGIN if k == 0 else generator.normal(0, 0.3, 3)
        one_solid(generator, centre, size)


def one_solid(generator: np.random.Generator, centre: np.ndarray, size: float) -> None:
    """Add a smooth solid."""
    kind, surface = int(generator.integers(5)), random_surface(generator)
    if kind <= 1:
        radii = size * np.exp(generator.normal(0, 0.25, 3))
        bumps = smooth_bumps(generator, generator.uniform(0, 0.9))
        add_ball(centre, radii, surface, bumps, power=float(generator.choice([1.0, 0.6, 0.3])))
    elif kind == 2:
        thick, knot = generator.uniform(0.12, 0.3), int(generator.integers(0, 3))
        turn = np.linspace(0, 2 * np.pi, 160, endpoint=False)
        path = np.stack([(1 + 0.3 * np.cos(3 * turn) * (knot > 0)) * np.cos((1 + knot // 2) * turn),
                         (1 + 0.3 * np.cos(3 * turn) * (knot > 0)) * np.sin((1 + knot // 2) * turn),
                         0.35 * np.sin(3 * turn) * (knot > 0)], axis=1)  # fmt: skip
        add_tube(centre + size * 0.8 * path @ random_turn(generator).T, size * thick, surface)
    elif kind == 3:
        heights = np.linspace(-1, 1, 60)
        radii = 0.25 + 0.5 * np.abs(smooth_bumps(generator, 1.5)(np.outer(heights, generator.normal(0, 0.7, 3))))
        radii[[0, -1]] = 1e-3
        vase = add_lathe(size * radii, size * heights, surface)
        vase.location = centre
        vase.rotation_euler = generator.normal(0, 0.4, 3)
    else:
        bpy.ops.mesh.primitive_monkey_add(size=1.5 * size, location=centre, rotation=generator.uniform(0, 6, 3))
        monkey = bpy.context.active_object
        monkey.modifiers.new("smooth", "SUBSURF").render_levels = 2
        monkey.data.materials.append(surface)


def add_tube(path: np.ndarray, radius: float, surface: bpy.types.Material) -> bpy.types.Object:
    """Add a closed tube along points (P, 3)."""
    first, second = across(unit(np.roll(path, -1, axis=0) - path))
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)[None, :, None]
    ring = path[:, None] + radius * (np.cos(turn) * first[:, None] + np.sin(turn) * second[:, None])
    whole = np.concatenate([ring, ring[:1]])
    return add_mesh(whole.reshape(-1, 3), grid_faces(len(whole), 16, True), surface)


def random_turn(generator: np.random.Generator) -> np.ndarray:
    """Return a random rotation (3, 3)."""
    turn, _ = np.linalg.qr(generator.normal(size=(3, 3)))
    return turn * np.sign(np.linalg.det(turn))


def brush(generator: np.random.Generator) -> None:
    """Add a broom, a brush or a tassel: bristles from the end of a handle."""
    radius, count = generator.uniform(0.12, 0.4), int(generator.integers(400, 3000))
    handle = add_lathe(
        np.array([1e-3, radius, radius, 0.06, 0.06, 1e-3]),
        np.array([-0.05, -0.05, 0.15, 0.2, 1.1, 1.1]),
        random_surface(generator),
    )
    angle, spot = generator.uniform(0, 2 * np.pi, count), radius * np.sqrt(generator.uniform(0, 1, count))
    roots = np.stack([spot * np.cos(angle), spot * np.sin(angle), np.full(count, -0.05)], axis=1)
    normals = unit(roots * generator.uniform(0.5, 2.5) + [[0, 0, -1.0]])
    growth = Growth(
        generator.uniform(0.5, 0.9), 10, generator.uniform(0.03, 0.25), 0.1, frizz=generator.uniform(0.01, 0.1),
        clumps=int(generator.choice([0, 40])), uneven=0.1,
    )  # fmt: skip
    bristles = add_hair(generator, roots, normals, growth, generator.uniform(0.003, 0.009), hair_colour(generator))
    turn = generator.normal(0, 0.6, 3)
    for thing in (handle, bristles):
        thing.rotation_euler = turn


def wool(generator: np.random.Generator) -> None:
    """Add a ball of yarn with loose ends and fluff."""
    count = int(generator.integers(60, 160))
    turn = np.linspace(0, 2 * np.pi, 60)
    loops = []
    for _ in range(count):
        matrix = random_turn(generator)
        ring = np.stack([np.cos(turn), np.sin(turn), 0.15 * np.sin(2 * turn + generator.uniform(0, 6))], axis=1)
        loops.append(generator.uniform(0.52, 0.6) * ring @ matrix.T)
    colours = strand_colours(generator, any_colour(generator), count, 0.1)
    surface = strand_surface(generator, gloss=0.03)
    add_strands(np.stack(loops), generator.uniform(0.02, 0.04), colours, surface)
    roots, normals = roots_on_ball(generator, 2500, ORIGIN, np.full(3, 0.6))
    add_strands(
        grow(generator, roots, normals, Growth(generator.uniform(0.05, 0.2), 10, 1.0, 0.1, frizz=0.3)),
        0.0022, colours[generator.integers(0, count, 2500)], surface,
    )  # fmt: skip
    ends = grow(
        generator, generator.normal(0, 0.4, (6, 3)), unit(generator.normal(size=(6, 3))),
        Growth(1.0, 30, 0.3, 0.8, 0.05, 3, 0.1),
    )  # fmt: skip
    add_strands(ends, 0.02, colours[:6], surface)


def _face(generator: np.random.Generator, centre: np.ndarray, radii: np.ndarray) -> None:
    """Add eyes and a nose on the side of positive x."""
    surface = random_surface(generator)
    for y, z, size in ((-0.35, 0.25, 0.14), (0.35, 0.25, 0.14), (0.0, -0.1, 0.12)):
        direction = unit(np.array([1.0, y, z]))
        add_ball(centre + direction * radii, size * radii, surface)
        surface = surface if z > 0 else random_surface(generator)
