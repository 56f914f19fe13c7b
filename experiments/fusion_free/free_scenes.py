"""Scenes to learn from that nobody holds rights in: rendered and drawn foregrounds over rendered and drawn grounds.

Each scene is a function of its name: ``rendered/<kind>-<k>/<n>``, ``rendered hard/<kind>-<k>/<n>`` or
``drawn free/<kind>/<n>``, and of the folder of rendered pictures.
"""

import zlib
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np

from experiments.fusion.disturbances import CLEAR
from experiments.fusion.scenes import (
    Grounds,
    drawn_layers,
    fitted,
    hardened,
    has_regions,
    net_scene,
    recoloured,
    scene_trimap,
)
from experiments.fusion_free import DRAWN, HARD, HELD_OUT, RENDERED, Recipe
from experiments.fusion_free.camera import photographed
from experiments.rendered_scenes import foreground_names, ground_names
from experiments.rendered_scenes.kept_pictures import read_foreground, read_ground
from hybridmatte.data import Sample, combine_foregrounds, composite_sample
from hybridmatte.data.drawing import smooth_noise
from hybridmatte.data.scenes import SCENES

NUMBERS = {RENDERED: 2, HARD: 1, DRAWN: 3}  # scenes of each foreground, or of each kind of drawn ones
MADE_HARD = 48  # of the first foregrounds, each gives a hard scene
HARD_KINDS = ("part", "part", "net", "trimap", "degraded", "degraded")
FACTORS = (0.75, 1.25)  # sizes of a rendered foreground
DRAWN_GROUND = 0.15  # share of the grounds that are drawn; the others are rendered
WITH_SOLID = ("clear", "cloth")  # kinds of which half are put together with a solid one
SOLID = tuple(f"{kind}-{k}" for kind in ("solid", "whole", "fur") for k in range(4))
TRIES = 60


def free_names(groups: Sequence[str] = (RENDERED, HARD, DRAWN)) -> list[str]:
    """Return the names of all scenes of some groups."""
    rendered = [name.replace("/", "-") for name in foreground_names()]
    sources = {RENDERED: rendered, HARD: rendered[:MADE_HARD], DRAWN: [*SCENES]}
    return [f"{group}/{source}/{k}" for group in groups for source in sources[group] for k in range(NUMBERS[group])]


def is_held_out(name: str) -> bool:
    """Tell whether a free scene shows a foreground that is held out where something is chosen."""
    group, source, number = name.split("/")
    return int(source.split("-")[1] if group.startswith(RENDERED) else number) % HELD_OUT == HELD_OUT - 1


def recipe_names(recipe: Recipe) -> list[str]:
    """Return the names of the scenes that a recipe learns from."""
    numbers = {RENDERED: recipe.numbers}
    return [
        name
        for name in free_names(tuple(recipe.groups))
        if int(name.split("/")[2]) in numbers.get(name.split("/")[0], range(100))
    ]


def make_free_scene(name: str, pictures: Path) -> Sample:
    """Return the `Sample` of a name, with image, trimap and alpha."""
    group, source, number = name.split("/")
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    grounds = partial(free_ground, pictures)
    kind = HARD_KINDS[int(generator.integers(len(HARD_KINDS)))] if group == HARD else ""
    if kind == "net":
        return net_scene(source, grounds, generator)
    for attempt in range(TRIES):
        if group == DRAWN:
            layers = drawn_layers(source, grounds, generator)
        else:
            layers = rendered_layers(source, pictures, generator, 3 * attempt // TRIES)
        trimap = scene_trimap(layers.alpha, generator)
        if has_regions(trimap):
            image = over_ground(layers, grounds, generator)
            sample = Sample(name, image=image, trimap=trimap, alpha=layers.alpha)
            if group == HARD:
                return hardened(kind, sample, grounds, generator)
            return sample._replace(image=photographed(image, generator) if int(number) % 2 else image)
    raise ValueError(f"scene {name} has no region of one kind in {TRIES} tries, expected all three")


def over_ground(layers: Sample, grounds: Grounds, generator: np.random.Generator) -> np.ndarray:
    """Return the composite (H, W, 3) over a ground, in a third of the scenes of linear light; with a little noise."""
    background = grounds(generator, layers.alpha.shape)
    if generator.uniform() < 1 / 3:
        linear = layers._replace(foreground=layers.foreground**2.2)
        image = composite_sample(linear, background**2.2).image ** (1 / 2.2)
    else:
        image = composite_sample(layers, background).image
    noise = generator.normal(0, generator.uniform(0, 0.012), image.shape)
    return np.float32((image + noise).clip(0, 1))


def rendered_layers(source: str, pictures: Path, generator: np.random.Generator, effort: int = 0) -> Sample:
    """Return a rendered foreground at a random size, mirrored or not, turned and with other colours.

    Clear ones and cloth are joined with a solid one half of the time. With an effort of 1 all are, and with one of 2
    the foreground is smaller and cut off at its borders: for those that leave no region to be known.
    """
    layers = _moved(_foreground(source, pictures), generator, 0.6 if effort == 2 else 1.0)
    if effort == 1 or source.split("-")[0] in WITH_SOLID and generator.uniform() < 0.5:
        other = _moved(_foreground(SOLID[int(generator.integers(len(SOLID)))], pictures), generator)
        pair = (layers, other) if generator.uniform() < 0.7 else (other, layers)
        return combine_foregrounds(*pair)
    return layers


def free_ground(pictures: Path, generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return a ground (H, W, 3): a part of a rendered one, or a drawn one."""
    if generator.uniform() < DRAWN_GROUND:
        return fitted(drawn_ground(generator, shape), generator, shape)
    names = ground_names()
    return fitted(_ground(names[int(generator.integers(len(names)))], pictures), generator, shape)


def drawn_ground(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return layers (H, W, 3) of smooth noise of several sizes in random colours, some with sharp borders."""
    image = np.broadcast_to(_muted(generator), (*shape, 3))
    for _ in range(int(generator.integers(1, 6))):
        share = smooth_noise(shape, generator, octaves=int(generator.integers(2, 7)))
        share = (share - share.min()) / max(float(np.ptp(share)), 1e-6)
        sharp = np.exp(generator.uniform(0, 4))
        share = (0.5 + sharp * (share - generator.uniform(0.3, 0.7))).clip(0, 1)[:, :, None]
        image = image + share * (_muted(generator) - image)
    return np.float32(image)


def _muted(generator):
    """Return a colour (3,), most often near grey."""
    return (generator.uniform(0, 1) + generator.normal(0, 0.12, 3)).clip(0, 1)


def _moved(layers: Sample, generator: np.random.Generator, smaller: float = 1.0) -> Sample:
    """Return a foreground in another size, turned, mirrored or not, with other colours."""
    height, width = layers.alpha.shape
    factor = generator.uniform(*FACTORS)
    shape = tuple(int(factor * side) // 8 * 8 for side in (height, width))
    planes = np.dstack([layers.foreground * layers.alpha[:, :, None], layers.alpha])
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), generator.normal(0, 10), smaller * factor)
    turn[:, 2] += np.multiply(shape[::-1], 0.5) - (width / 2, height / 2) + generator.normal(0, 0.04, 2) * width
    if smaller * factor < 1:
        planes = cv2.GaussianBlur(planes, (0, 0), 0.4 / (smaller * factor))
    border = cv2.BORDER_REFLECT if smaller == 1 else cv2.BORDER_CONSTANT
    planes = cv2.warpAffine(planes, turn, shape[::-1], flags=cv2.INTER_CUBIC, borderMode=border)
    if generator.uniform() < 0.5:
        planes = planes[:, ::-1]
    alpha = planes[:, :, 3].clip(0, 1)
    alpha = np.where(alpha < CLEAR / 5, 0, np.where(alpha > 1 - CLEAR / 5, 1, alpha))
    colours = (planes[:, :, :3] / np.maximum(planes[:, :, 3:], 1e-2)).clip(0, 1)
    return Sample("", foreground=recoloured(colours, generator), alpha=np.float32(alpha))


@lru_cache(maxsize=128)
def _foreground(source: str, pictures: Path) -> Sample:
    return read_foreground(source.replace("-", "/"), pictures)


@lru_cache(maxsize=64)
def _ground(name: str, pictures: Path) -> np.ndarray:
    return read_ground(name, pictures)
