"""Points of hair: roots on ellipsoids, growth under weight, clumps, curls and frizz; and feathers."""

from dataclasses import dataclass

import numpy as np

from experiments.rendered_scenes.blender.geometry import across, unit


@dataclass(frozen=True)
class Growth:
    """How strands grow; lengths in units of the scene, shares in [0, 1]."""

    length: float
    steps: int = 12
    spread: float = 0.3  # deviation of the first direction from the normal
    weight: float = 0.5  # how much the direction turns downward until the tip
    curl: float = 0.0  # radius of the helix
    turns: float = 4.0  # of the helix, until the tip
    frizz: float = 0.02  # random walk, in lengths
    clumps: int = 0  # number of clumps; none if 0
    tightness: float = 0.8  # how far tips come together in a clump
    uneven: float = 0.3  # deviation of the logarithm of the length


def roots_on_ball(
    generator: np.random.Generator, count: int, centre: np.ndarray, radii: np.ndarray, lowest: float = -1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return roots and normals (count, 3) on an ellipsoid, above a height between -1 and 1."""
    height, turn = generator.uniform(lowest, 1, count), generator.uniform(0, 2 * np.pi, count)
    ring = np.sqrt(1 - height**2)
    directions = np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)
    return centre + directions * radii, unit(directions / radii)


def grow(generator: np.random.Generator, roots: np.ndarray, normals: np.ndarray, growth: Growth) -> np.ndarray:
    """Return the points (N, P, 3) of strands."""
    count = len(roots)
    lengths = growth.length * np.exp(generator.normal(0, growth.uneven, count))
    step = (lengths / (growth.steps - 1))[:, None]
    direction = unit(normals + generator.normal(0, growth.spread, (count, 3)))
    wind = generator.normal(0, 0.25, 3)
    points, place = [roots], roots
    for _ in range(growth.steps - 1):
        pull = np.array([0, 0, -growth.weight]) + growth.weight * wind
        direction = unit(direction + 3 * pull / growth.steps + generator.normal(0, growth.frizz, (count, 3)))
        place = place + step * direction
        points.append(place)
    found = np.stack(points, axis=1)
    if growth.clumps:
        found = _clumped(generator, found, growth)
    return _curled(generator, found, growth) if growth.curl else found


def taper(radius: float, steps: int, tip: float = 0.25) -> np.ndarray:
    """Return the radii (steps,) from root to tip."""
    return radius * np.linspace(1, tip, steps)


def strand_colours(generator: np.random.Generator, colour: np.ndarray, count: int, spread: float) -> np.ndarray:
    """Return a colour (count, 3) of each strand; a few are streaks of another brightness."""
    light = np.exp(generator.normal(0, spread, (count, 1)) + generator.normal(0, 0.05, (count, 3)))
    streaks = np.where(generator.uniform(size=(count, 1)) < 0.1, generator.uniform(0.5, 2.2), 1)
    return (colour * light * streaks).clip(0, 1)


def feather(generator: np.random.Generator, count: int, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a feather of length 1 along x: rachis (1, 24, 3), barbs (2 count, 10, 3) and their places (2 count)."""
    bend = generator.normal(0, 0.12, 2)
    along = np.linspace(0, 1, 24)
    rachis = np.stack([along, bend[0] * along**2, bend[1] * along**2], axis=-1)[None]
    at = np.tile(np.linspace(0.12, 1.0, count), 2)
    side = np.repeat([1.0, -1.0], count)
    length = width * np.sin(np.pi * at**0.7).clip(0.15, 1) * np.exp(generator.normal(0, 0.06, 2 * count))
    splits = np.cumsum(generator.uniform(size=count) < 0.05)  # barbs between two splits lean together
    lean = np.tile(generator.normal(0, 0.1, count + 1)[splits], 2)
    angle = generator.uniform(0.5, 0.9) + lean + 0.03 * generator.normal(size=2 * count)
    share = np.linspace(0, 1, 10)
    down = (0.25 - at).clip(0, 1)[:, None, None] * np.cumsum(generator.normal(0, 0.1, (2 * count, 10, 3)), axis=1)
    turn = angle[:, None] * (1 - 0.35 * share)
    step = length[:, None] / 9
    x = at[:, None] + np.cumsum(step * np.cos(turn), axis=1) - step * np.cos(turn)
    y = bend[0] * at[:, None] ** 2 + side[:, None] * (np.cumsum(step * np.sin(turn), axis=1) - step * np.sin(turn))
    z = bend[1] * at[:, None] ** 2 + 0.12 * (y - bend[0] * at[:, None] ** 2) ** 2 / max(width, 0.01)
    return rachis, np.stack([x, y, z], axis=-1) + down, at


def _clumped(generator: np.random.Generator, points: np.ndarray, growth: Growth) -> np.ndarray:
    """Return strands that come together with the nearest of some of them toward their tips."""
    guides = generator.choice(len(points), min(growth.clumps, len(points)), replace=False)
    distances = np.linalg.norm(points[:, None, 0] - points[None, guides, 0], axis=2)
    nearest = guides[distances.argmin(axis=1)]
    share = growth.tightness * np.linspace(0, 1, points.shape[1]) ** generator.uniform(0.6, 1.5)
    share = share[None, :, None] * generator.uniform(0.5, 1, (len(points), 1, 1))
    loose = generator.uniform(size=(len(points), 1, 1)) < 0.07
    return points + np.where(loose, 0, share) * (points[nearest] - points)


def _curled(generator: np.random.Generator, points: np.ndarray, growth: Growth) -> np.ndarray:
    """Return strands wound into helices; strands with near roots turn alike."""
    along = unit(points[:, -1] - points[:, 0])
    first, second = across(along)
    share = np.linspace(0, 1, points.shape[1])
    wave = generator.normal(0, 3, 3)
    phase = (points[:, 0] @ wave)[:, None] + generator.normal(0, 0.6, (len(points), 1))
    turn = 2 * np.pi * growth.turns * share * np.exp(generator.normal(0, 0.15, (len(points), 1))) + phase
    radius = growth.curl * np.minimum(1, 4 * share) * np.exp(generator.normal(0, 0.3, (len(points), 1)))
    offset = np.cos(turn)[..., None] * first[:, None] + np.sin(turn)[..., None] * second[:, None]
    return points + radius[..., None] * offset
