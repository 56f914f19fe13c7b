"""Plants, nets, cloth and clear things. Each is about a unit in radius around the origin."""

from collections.abc import Callable

import numpy as np

from experiments.rendered_scenes.blender.geometry import (
    across,
    add_lathe,
    add_mesh,
    add_sheet,
    add_strands,
    grid_faces,
    smooth_bumps,
    unit,
)
from experiments.rendered_scenes.blender.materials import (
    any_colour,
    cloth_surface,
    film_surface,
    glass_surface,
    lace_surface,
    leaf_colour,
    leaf_surface,
    random_surface,
    strand_surface,
)
from experiments.rendered_scenes.blender.strands import Growth, grow, strand_colours, taper

LEAF = (9, 5)  # vertices along and across a leaf
DOWN = np.array([0.0, 0.0, -0.6])


def bush(generator: np.random.Generator, base: np.ndarray = DOWN, size: float = 1.0) -> None:
    """Add stems from one place with leaves along them: broad, long, or small ones in two rows."""
    form = str(generator.choice(("broad", "long", "rows", "needles")))
    count = {"broad": 16, "long": 30, "rows": 14, "needles": 10}[form] + int(generator.integers(-6, 8))
    normals = unit(generator.normal(0, 0.5, (count, 3)) + [0, 0, 1.0])
    growth = Growth(size * generator.uniform(0.9, 1.4), 16, 0.15, generator.uniform(0, 0.5), frizz=0.05)
    stems = grow(generator, base + generator.normal(0, 0.03, (count, 3)), normals, growth)
    colour = leaf_colour(generator)
    surface = strand_surface(generator)
    thick = size * generator.uniform(0.004, 0.012)
    add_strands(stems, taper(thick, 16, 0.4), strand_colours(generator, 0.7 * colour, count, 0.15), surface)
    if form == "needles":
        _needles(generator, stems, colour, size)
        return
    at = {"broad": 6, "long": 1, "rows": 24}[form]
    places, directions = _along(generator, stems, at, both=form == "rows")
    length = size * {"broad": 0.26, "long": 0.6, "rows": 0.13}[form] * np.exp(generator.normal(0, 0.25))
    width = length * {"broad": 0.55, "long": 0.1, "rows": 0.35}[form] * np.exp(generator.normal(0, 0.3))
    add_leaves(generator, places, directions, length, width, colour)


def grass(generator: np.random.Generator, base: np.ndarray = DOWN, size: float = 1.0) -> None:
    """Add a tuft of long narrow leaves, with thin ears between them."""
    count = int(generator.integers(60, 260))
    roots = base + size * generator.normal(0, 0.1, (count, 3)) * [1, 1, 0]
    directions = unit(generator.normal(0, generator.uniform(0.2, 0.6), (count, 3)) + [0, 0, 1.0])
    length = size * generator.uniform(0.7, 1.3)
    add_leaves(generator, roots, directions, length, length * generator.uniform(0.012, 0.04), leaf_colour(generator))
    thin = grow(generator, roots[:40], directions[:40], Growth(1.2 * length, 12, 0.2, 0.3, frizz=0.05))
    colours = strand_colours(generator, leaf_colour(generator), 40, 0.2)
    add_strands(thin, taper(0.004 * size, 12), colours, strand_surface(generator))


def flowers(generator: np.random.Generator, base: np.ndarray = DOWN, size: float = 1.0) -> None:
    """Add a bunch of flowers with petals and leaves, or of dandelions' threads."""
    count = int(generator.integers(4, 12))
    normals = unit(generator.normal(0, 0.45, (count, 3)) + [0, 0, 1.0])
    stems = grow(generator, base + 0 * normals, normals, Growth(size * 1.1, 14, 0.1, 0.2, frizz=0.04, uneven=0.15))
    green = leaf_colour(generator)
    add_strands(stems, 0.011 * size, strand_colours(generator, green, count, 0.1), strand_surface(generator))
    places, directions = _along(generator, stems, 3)
    add_leaves(generator, places, directions, 0.28 * size, 0.07 * size, green)
    heads, up = stems[:, -1], unit(stems[:, -1] - stems[:, -3])
    first, second = across(up)
    if generator.uniform() < 0.3:
        roots = np.repeat(heads, 90, axis=0)
        threads = Growth(size * generator.uniform(0.12, 0.25), 6, 0.3, 0.0, frizz=0.03, uneven=0.1)
        points = grow(generator, roots, unit(generator.normal(size=(len(roots), 3))), threads)
        add_strands(points, taper(0.003 * size, 6), strand_colours(generator, any_colour(generator), len(roots), 0.1),
                    strand_surface(generator))  # fmt: skip
        return
    petals = int(generator.integers(5, 22))
    turn = np.tile(np.linspace(0, 2 * np.pi, petals, endpoint=False), count)[:, None]
    who = np.repeat(np.arange(count), petals)
    out = np.cos(turn) * first[who] + np.sin(turn) * second[who] + generator.uniform(0, 0.8) * up[who]
    length = size * generator.uniform(0.1, 0.24)
    add_leaves(generator, heads[who], unit(out), length, length * min(0.7, 2.5 / petals + 0.1), any_colour(generator))


def add_leaves(
    generator: np.random.Generator, places: np.ndarray, directions: np.ndarray, length: float, width: float, colour
) -> None:
    """Add bent leaves of one form at places (N, 3) in directions (N, 3)."""
    count, (rows, columns) = len(places), LEAF
    u, v = np.meshgrid(np.linspace(0, 1, rows), np.linspace(-1, 1, columns), indexing="ij")
    outline = np.sin(np.pi * (0.03 + 0.97 * u) ** generator.uniform(0.6, 1.4)) ** generator.uniform(0.6, 1.3)
    outline = 0.5 * width * outline
    sizes = np.exp(generator.normal(0, 0.25, (count, 1, 1)))
    sag = generator.uniform(-0.1, 0.9) + generator.normal(0, 0.2, (count, 1, 1))
    along, aside = sizes * length * u, sizes * outline * v
    lift = -sag * length * sizes * u**2 * 0.5 + generator.uniform(0, 0.5) * np.abs(aside)
    lift = lift + 0.06 * width * np.sin(6 * u + generator.uniform(0, 6, (count, 1, 1))) * v
    upward = np.broadcast_to([0.0, 0.0, 1.0], directions.shape) + generator.normal(0, 0.45, directions.shape)
    second = unit(np.cross(upward, directions))
    third = np.cross(directions, second)
    points = places[:, None, None] + sum(
        part[..., None] * axis[:, None, None] for part, axis in ((along, directions), (aside, second), (lift, third))
    )
    faces = grid_faces(rows, columns)[None] + rows * columns * np.arange(count)[:, None, None]
    tint = (
        strand_colours(generator, colour, count, 0.25)[:, None, None] * (1 + 0.5 * (np.abs(v) < 0.1))[None, ..., None]
    )
    if generator.uniform() < 0.4:
        tip = any_colour(generator)
        tint = tint + (u**2)[None, ..., None] * generator.uniform(0, 0.8) * (tip - tint)
    add_mesh(points.reshape(-1, 3), faces.reshape(-1, 4), leaf_surface(generator), tint.reshape(-1, 3).clip(0, 1))


def lattice(generator: np.random.Generator) -> None:
    """Add a net or a grid on a bent surface: square, skew, waves or hexagons; of threads or bars, in a frame or not."""
    place = bent_surface(generator)
    count, steps = int(generator.integers(7, 26)), 90
    line = np.linspace(0, 1, steps)
    offsets = np.linspace(0, 1, count) + generator.normal(0, generator.uniform(0, 0.012), count)
    wave = generator.uniform(0, 0.5) / count * np.sin(2 * np.pi * line * count / 2)
    wave = wave * (1 - 2 * (np.arange(count) % 2))[:, None]
    lean = float(generator.choice([0, 0, 0.35]))
    families = []
    for flip in (False, True):
        aside = offsets[:, None] + wave + lean * (line - 0.5) * (1 if flip else -1)
        along = np.broadcast_to(line, aside.shape)
        families.append(place(aside, along) if flip != (lean > 0) or lean == 0 and flip else place(along, aside))
    if lean > 0:
        families = [place(offsets[:, None] + wave + sign * lean * (line - 0.5), 0 * offsets[:, None] + line)
                    for sign in (-1, 1)]  # fmt: skip
    points = np.concatenate(families if generator.uniform() < 0.85 else families[:1])
    colour = any_colour(generator)
    surface = strand_surface(generator, gloss=generator.uniform(0.02, 0.4))
    thick = generator.uniform(0.06, 0.3) / count
    add_strands(points, thick, strand_colours(generator, colour, len(points), 0.08), surface)
    if generator.uniform() < 0.7:
        zero, one = 0 * line, 0 * line + 1
        border = [place(*pair) for pair in ((line, zero), (line, one), (zero, line), (one, line))]
        add_strands(np.stack(border), generator.uniform(0.02, 0.06), any_colour(generator)[None], surface)


def bent_surface(generator: np.random.Generator) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return a function of u and v in [0, 1] to points: a bent sheet, a basket, or a bowl."""
    kind = int(generator.integers(4))
    bumps = smooth_bumps(generator, generator.uniform(0, 0.5))
    wide = generator.uniform(0.6, 0.9)
    opening = generator.uniform(0.1, 0.6)

    def place(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        if kind <= 1:
            flat = np.stack([2 * wide * (u - 0.5), 0 * u, 1.6 * (v - 0.5)], axis=-1)
            return flat + np.array([0.05, 0.6, 0.05]) * bumps(1.2 * flat)[..., None]
        turn = 2 * np.pi * u
        ring = 0.45 + opening * 0.5 * v if kind == 2 else 0.75 * np.sin(np.pi * (0.12 + 0.76 * v))
        height = 1.2 * (v - 0.5) if kind == 2 else -0.75 * np.cos(np.pi * (0.12 + 0.76 * v))
        return np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=-1)

    return place


def cloth(generator: np.random.Generator) -> None:
    """Add hanging cloth in folds: solid, with holes, or a veil; some with a fringe."""
    surface = (lace_surface, lace_surface, cloth_surface, film_surface)[int(generator.integers(4))](generator)
    folds, deep = generator.uniform(1, 5), generator.uniform(0.03, 0.2)
    phase, wide = generator.uniform(0, 6), generator.uniform(0.5, 0.8)
    bumps = smooth_bumps(generator, 0.6)

    def place(u: np.ndarray, v: np.ndarray) -> np.ndarray:
        depth = deep * (1.2 - v) * np.sin(2 * np.pi * folds * u + phase)
        flat = np.stack([2 * wide * (u - 0.5) * (1.15 - 0.3 * v), depth, 1.5 * (v - 0.5)], axis=-1)
        return flat + np.array([0.05, 0.15, 0.05]) * bumps(flat)[..., None]

    add_sheet(place, surface, (90, 90))
    if generator.uniform() < 0.5:
        u = generator.uniform(0, 1, 500)
        roots = place(u, 0 * u)
        fringe = Growth(generator.uniform(0.1, 0.35), 8, 0.15, 0.8, frizz=0.05, clumps=int(generator.choice([0, 60])))
        points = grow(generator, roots, np.tile([0.0, 0.0, -1.0], (500, 1)), fringe)
        add_strands(points, 0.004, strand_colours(generator, any_colour(generator), 500, 0.15),
                    strand_surface(generator))  # fmt: skip
    if generator.uniform() < 0.5:
        rod = np.stack([np.linspace(-0.9, 0.9, 20), 0 * np.ones(20), np.full(20, 0.78)], axis=1)
        add_strands(rod[None], 0.03, any_colour(generator)[None], strand_surface(generator))


def glass(generator: np.random.Generator, height: float = 0.8) -> None:
    """Add a clear vase, bottle or bowl with a solid foot or neck, or a bag of film."""
    if generator.uniform() < 0.35:
        bag(generator)
        return
    heights = np.linspace(-height, height, 70)
    profile = smooth_bumps(generator, 0.5)(np.outer(heights, generator.normal(0, 0.8, 3)))
    radii = generator.uniform(0.3, 0.55) * (1 + profile)
    clear, solid = glass_surface(generator), random_surface(generator)
    foot = np.flatnonzero(heights < -height * generator.uniform(0.75, 0.95))
    neck = np.flatnonzero(heights > height * generator.uniform(0.5, 0.95))
    closed = np.concatenate([[1e-3], radii[foot], [1e-3]])
    add_lathe(closed, np.concatenate([[-height], heights[foot], [heights[foot[-1]]]]), solid)
    add_lathe(radii[foot[-1] : neck[0] + 1], heights[foot[-1] : neck[0] + 1], clear)
    if generator.uniform() < 0.6:
        cap = np.concatenate([[1e-3], 1.03 * radii[neck], [1e-3]])
        add_lathe(cap, np.concatenate([[heights[neck[0]]], heights[neck], [height]]), solid)


def bag(generator: np.random.Generator) -> None:
    """Add a crumpled bag of translucent film, tied with a solid ribbon."""
    heights = np.linspace(-0.7, 0.75, 90)
    radii = np.where(heights < 0.4, 0.6 * np.sqrt(1 - ((heights + 0.15) / 0.62).clip(-1, 1) ** 2), 0.0)
    radii = np.maximum(radii, 0.08 + 0.6 * np.maximum(0, heights - 0.45))
    film = add_lathe(radii, heights, film_surface(generator), 90)
    points = np.array([vertex.co for vertex in film.data.vertices])
    bumps = [smooth_bumps(generator, strength)(scale * points) for strength, scale in ((0.7, 1.5), (0.4, 5.0))]
    points = points * (1 + sum(bumps))[:, None] ** [1, 1, 0]
    film.data.vertices.foreach_set("co", np.float32(points).ravel())
    add_lathe(np.array([1e-3, 0.12, 0.13, 0.12, 1e-3]), np.array([0.36, 0.38, 0.43, 0.48, 0.5]),
              random_surface(generator))  # fmt: skip


def _along(
    generator: np.random.Generator, stems: np.ndarray, count: int, both: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Return places (N, 3) on stems and directions (N, 3) away from them: around, or on two sides."""
    steps = stems.shape[1]
    at = generator.integers(steps // 4, steps - 1, (len(stems), count))
    who = np.arange(len(stems))[:, None]
    places = stems[who, at].reshape(-1, 3)
    forward = unit(stems[who, at + 1] - stems[who, at]).reshape(-1, 3)
    if count == 1:
        return places, forward
    first, second = across(forward)
    turn = generator.uniform(0, 2 * np.pi, (len(places), 1))
    if both:
        turn = np.where(np.arange(len(places))[:, None] % 2 == 0, 0.0, np.pi) + generator.normal(0, 0.2, turn.shape)
    out = np.cos(turn) * first + np.sin(turn) * second
    return places, unit(out + generator.uniform(0.3, 1.0) * forward)


def _needles(generator: np.random.Generator, stems: np.ndarray, colour: np.ndarray, size: float) -> None:
    """Add needles along stems."""
    places, directions = _along(generator, stems, 140)
    growth = Growth(size * generator.uniform(0.08, 0.3), 5, 0.15, 0.1, uneven=0.15)
    points = grow(generator, places, directions, growth)
    colours = strand_colours(generator, colour, len(points), 0.2)
    add_strands(points, taper(size * generator.uniform(0.003, 0.006), 5), colours, strand_surface(generator))
