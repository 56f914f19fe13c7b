"""Scenes to learn from: photographs with true alpha, composites of foregrounds on photographs, and drawn ones.

Each scene is a function of its name: ``real/<photograph>/<k>``, ``hard/<photograph>/<k>``,
``composite/<foreground>/<k>`` or ``drawn/<kind>/<k>``. Hard scenes are disturbed in the ways of the stress sets, by
other random numbers and amounts.
"""

import zlib
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import cv2
import numpy as np

from experiments.data_sets import data_folder
from experiments.fusion.disturbances import (
    CLEAR,
    PARTS,
    attach,
    band_trimap,
    blurred,
    compressed,
    crop_near_outline,
    draw_lattice,
    draw_part,
    grey,
    noisy,
    own_colours,
    place_on_outline,
    resized,
    shaded,
    stroke_trimap,
    trimap_of,
)
from experiments.fusion.photographs import photograph_cases, photograph_names
from hybridmatte import estimate_foreground, read_alpha, read_image
from hybridmatte._validation import to_float
from hybridmatte.data import Photographs, Sample, combine_foregrounds, composite_sample, random_scene
from hybridmatte.data.scenes import SCENES

OTHERS = ("animals", "portraits")  # with a published network's alphas, which are true in a composite made of them
HARD = {0: "part", 1: "part", 3: "net", 4: "trimap", 6: "degraded", 7: "degraded"}  # by number
NUMBERS = {"real": range(4), "hard": tuple(HARD), "composite": range(1), "drawn": range(4)}  # of each source's scenes
NEW_SIDES, HARD_SIDES = (400, 440), (288, 320)  # pixels of a photograph with a new trimap, and of a hard scene
GIVEN_TRIMAPS = 2  # of a photograph; its other scenes have new ones
SIDES = (224, 400)  # pixels, of composites and drawn scenes
WIDTHS = (2.0, 45.0)  # pixels, of the unknown band
KNOWN = 0.01  # least share of the pixels in each known region
TRIES = 100
Grounds = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]  # draws a background (H, W, 3)
CLEAR_KINDS, SOLID_KINDS = ("smoke", "glass"), ("hair", "fur", "lace", "plant")  # clear kinds have no opaque pixel


def scene_names(data: Path) -> list[str]:
    """Return the names of all scenes."""
    labelled = photograph_names(data)
    groups = {
        "real": labelled,
        "hard": labelled,
        "composite": [*labelled, *other_names(data)],
        "drawn": [*SCENES],
    }
    return [f"{group}/{source}/{k}" for group, sources in groups.items() for source in sources for k in NUMBERS[group]]


def other_names(data: Path) -> list[str]:
    """Return the names of the photographs with predicted alphas."""
    return [
        f"{folder}-{path.stem}"
        for folder in OTHERS
        for path in sorted((data_folder(data) / folder / "image").glob("*.jpg"))
    ]


def make_scene(name: str, data: Path) -> Sample:
    """Return the `Sample` of a name, with image, trimap and alpha."""
    group, source, number = name.split("/")
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    if group == "real":
        return _real(data, source, int(number), generator)
    if group == "hard":
        return _hard(data, source, int(number), generator)
    for _ in range(TRIES):
        if group == "drawn":
            layers = drawn_layers(source, partial(_background, data), generator)
        else:
            layers = _cut(layers_of(source, data), generator)
        background = _background(data, generator, layers.alpha.shape)
        image = composite_sample(layers, background).image
        image = image + generator.normal(0, generator.uniform(0, 0.012), image.shape)
        trimap = scene_trimap(layers.alpha, generator)
        if has_regions(trimap):
            return Sample(name, image=np.float32(image.clip(0, 1)), trimap=trimap, alpha=layers.alpha)
    raise ValueError(f"scene {name} has no known region of one kind in {TRIES} tries, expected both")


def has_regions(trimap: np.ndarray) -> bool:
    """Tell whether a trimap has enough pixels of each kind to learn from."""
    return min((trimap == value).mean() for value in (0, 0.5, 1)) >= KNOWN


def scene_trimap(alpha: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return a trimap of random width around the mixed pixels; in half of the trimaps a brush closes small gaps."""
    low, high = np.log(WIDTHS)
    widths = np.exp(generator.uniform(low, high) + generator.uniform(-0.4, 0.4, 2))
    trimap = band_trimap(alpha, *widths)
    if generator.uniform() < 0.5:
        brush = int(generator.integers(3, 30))
        disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (brush, brush))
        trimap = trimap_of(alpha, cv2.morphologyEx(np.uint8(trimap == 0.5), cv2.MORPH_CLOSE, disk) > 0)
    return trimap


def is_given(name: str) -> bool:
    """Tell whether a scene is a photograph with one of the site's own trimaps."""
    group, _, number = name.split("/")
    return group == "real" and int(number) < GIVEN_TRIMAPS


def _real(data, source, number, generator):
    """Return a photograph with one of the site's trimaps, or a part of it with a new one."""
    case = list(photograph_cases(data, [source]))[min(number, GIVEN_TRIMAPS - 1)]
    sample = Sample(case.name, np.float32(case.image), np.float32(case.alpha), np.float32(case.trimap))
    if number < GIVEN_TRIMAPS:
        return sample
    return crop_near_outline(sample._replace(trimap=scene_trimap(case.alpha, generator)), NEW_SIDES, generator)


def _hard(data, source, number, generator):
    """Return a part of a photograph with a part stuck to it, another trimap or a degraded image; or a drawn net."""
    kind = HARD[number]
    background = partial(_background, data)
    if kind == "net":
        return net_scene(source, background, generator)
    case = next(photograph_cases(data, [source]))
    image, alpha = np.float32(case.image), np.float32(case.alpha)
    sample = Sample(source, image=image, alpha=alpha, trimap=scene_trimap(alpha, generator))
    return hardened(kind, sample, background, generator)


def net_scene(name: str, background: Grounds, generator: np.random.Generator) -> Sample:
    """Return a drawn net over a ground, in a colour of the ground or far from it."""
    alpha, trimap = draw_lattice(HARD_SIDES, generator)
    ground = background(generator, HARD_SIDES)
    pixels = ground.reshape(-1, 3)
    near = pixels[int(generator.integers(len(pixels)))] + generator.normal(0, 0.05, 3)
    colour = near.clip(0, 1) if generator.uniform() < 0.6 else own_colours(pixels, generator)[0]
    layers = Sample("", foreground=shaded(colour, HARD_SIDES, generator), alpha=alpha)
    return Sample(name, image=composite_sample(layers, ground).image, trimap=trimap, alpha=alpha)


def hardened(kind: str, sample: Sample, background: Grounds, generator: np.random.Generator) -> Sample:
    """Return a part of a scene with a part stuck to it, another trimap or a degraded image."""
    if kind == "trimap":
        one, other = np.exp(generator.uniform(np.log(1.5), np.log(40), 2))
        is_band = generator.uniform() < 0.5
        trimap = band_trimap(sample.alpha, one, other) if is_band else stroke_trimap(sample.alpha, generator, (4, 35))
        sample = sample._replace(trimap=trimap)
    sample = crop_near_outline(sample, HARD_SIDES, generator)
    if kind == "part":
        return _with_part(background, sample, generator)
    return degraded(sample, generator) if kind == "degraded" else sample


def _with_part(background, sample, generator):
    """Return a scene with a drawn part, in colours of its own or of a photograph, or a part of another object."""
    shape, place = sample.alpha.shape, place_on_outline(sample.alpha, generator)
    texture = background(generator, shape)
    if generator.uniform() < 0.4:
        colours = shaded(own_colours(sample.image[sample.trimap != 0.5], generator)[0], shape, generator)
        texture = np.where(generator.uniform() < 0.5, colours, (texture + colours) / 2)
    opacity = draw_part(PARTS[int(generator.integers(3))], shape, place, generator.uniform(60, 190), generator)
    return attach(sample, np.float32(texture), opacity)


def degraded(sample: Sample, generator: np.random.Generator) -> Sample:
    """Return a scene blurred, compressed, noisy, grey, smaller or larger."""
    kind = int(generator.integers(6))
    if kind == 0:
        return blurred(sample, generator.uniform(0.6, 2.5))
    if kind == 1:
        return compressed(sample, int(generator.integers(35, 90)))
    if kind == 2:
        return noisy(sample, generator.uniform(0.01, 0.06), generator)
    if kind == 3:
        return grey(sample)
    if kind == 4:
        return resized(sample, generator.uniform(0.3, 0.8))
    return resized(sample, generator.uniform(1.3, 2.5))


@lru_cache(maxsize=32)
def layers_of(source: str, data: Path) -> Sample:
    """Return the foreground colours and alpha of a photograph."""
    if "-" in source:
        folder, stem = source.split("-", 1)
        root = data_folder(data) / folder
        image = to_float(read_image(root / "image" / f"{stem}.jpg"), "image")
        alpha = to_float(read_alpha(root / "alpha_predicted" / f"{stem}.png"), "alpha")
    else:
        case = next(photograph_cases(data, [source]))
        image, alpha = np.float32(case.image), np.float32(case.alpha)
    return Sample(source, foreground=np.float32(estimate_foreground(image, alpha)), alpha=alpha)


def _sides(generator):
    return tuple(int(side) // 8 * 8 for side in generator.integers(*SIDES, 2))


def _cut(layers, generator):
    """Return a part of a foreground at a random size, mirrored or not, with other colours."""
    shape, height = _sides(generator), layers.alpha.shape[0]
    factor = np.exp(generator.uniform(np.log(0.4), np.log(1.1))) * 600 / height
    planes = np.dstack([layers.foreground * layers.alpha[:, :, None], layers.alpha])
    turn = cv2.getRotationMatrix2D((0, 0), generator.normal(0, 12), factor)
    ys, xs = np.nonzero((layers.alpha > CLEAR) & (layers.alpha < 1 - CLEAR))
    k = int(generator.integers(len(ys)))
    middle = turn[:, :2] @ (xs[k], ys[k])
    turn[:, 2] = np.multiply(shape[::-1], generator.uniform(0.25, 0.75, 2)) - middle
    if factor < 1:
        planes = cv2.GaussianBlur(planes, (0, 0), 0.4 / factor)
    planes = cv2.warpAffine(planes, turn, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    if generator.uniform() < 0.5:
        planes = planes[:, ::-1]
    alpha = planes[:, :, 3].clip(0, 1)
    foreground = (planes[:, :, :3] / np.maximum(alpha, 1e-4)[:, :, None]).clip(0, 1)
    return Sample("", foreground=recoloured(foreground, generator), alpha=np.ascontiguousarray(alpha))


def drawn_layers(kind: str, background: Grounds, generator: np.random.Generator) -> Sample:
    """Return a drawn foreground, sometimes with a ground's texture; a clear kind is combined with a solid kind."""
    shape = _sides(generator)
    texture = background(generator, shape) if generator.uniform() < 0.5 else None
    drawn = random_scene(shape, generator, kind=kind, texture=texture)
    if kind not in CLEAR_KINDS:
        return drawn
    solid = random_scene(shape, generator, kind=SOLID_KINDS[int(generator.integers(len(SOLID_KINDS)))], texture=texture)
    return combine_foregrounds(*[(drawn, solid), (solid, drawn)][int(generator.integers(2))])


def recoloured(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return an image with another exposure, contrast and tint."""
    power = np.exp(generator.normal(0, 0.3))
    gain = np.exp(generator.normal(0, 0.15)) * np.exp(generator.normal(0, 0.08, 3))
    return np.float32((image.clip(0, 1) ** power * gain).clip(0, 1))


def _background(data, generator, shape):
    """Return a part of a photograph (H, W, 3)."""
    photographs = _photographs(data)
    return fitted(np.float32(photographs[int(generator.integers(len(photographs)))]) / 255, generator, shape)


def fitted(image: np.ndarray, generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return a part (H, W, 3) of an image, often out of focus, with other colours."""
    factor = max(shape[0] / image.shape[0], shape[1] / image.shape[1]) * np.exp(generator.uniform(0, 0.5))
    size = [int(np.ceil(factor * side)) for side in image.shape[1::-1]]
    image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    top, left = (int(generator.integers(whole - part + 1)) for whole, part in zip(image.shape, shape, strict=False))
    image = image[top : top + shape[0], left : left + shape[1]]
    if generator.uniform() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), np.exp(generator.uniform(np.log(0.8), np.log(10))))
    return recoloured(image, generator)


@lru_cache(maxsize=1)
def _photographs(data):
    """Return the photographs behind the composites, as one sequence."""
    return _Joined([Photographs(data_folder(data) / folder) for folder in ("photos/train", "photos_objects")])


class _Joined:
    """Several sequences as one."""

    def __init__(self, parts):
        self._parts = parts

    def __len__(self):
        return sum(map(len, self._parts))

    def __getitem__(self, index):
        for part in self._parts:
            if index < len(part):
                return part[index]
            index -= len(part)
        raise IndexError(index)
