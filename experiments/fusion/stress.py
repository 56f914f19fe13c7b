"""Stress sets: scenes made from the twenty photographs that are only scored, never learned from.

Each scene is a function of its name, ``<set>/<photograph>/0``; its photograph is the one that a network must not know.
"""

import zlib
from pathlib import Path

import cv2
import numpy as np

from experiments.data_sets import TRIMAPS, data_folder
from experiments.fusion.disturbances import (
    DEGRADED,
    PARTS,
    attach,
    band_trimap,
    crop_near_outline,
    dilate,
    draw_lattice,
    draw_part,
    mixed_pixels,
    own_colours,
    place_on_outline,
    shaded,
    stroke_trimap,
    three_levels,
    trimap_of,
)
from experiments.fusion.photographs import fold_partner, photograph_cases, photograph_names
from experiments.fusion.scenes import layers_of
from hybridmatte.data import Photographs, Sample, composite_sample

PART_SETS, NET_SETS = ("part drawn", "part of another"), ("net like ground", "net unlike ground")
TRIMAP_SETS = ("strokes", "trimap dilated", "trimap eroded", "band inside", "band outside")
STRESS = {  # groups of sets
    "parts": PART_SETS,
    "nets": NET_SETS,
    "trimaps": TRIMAP_SETS,
    "degraded": tuple(DEGRADED),
}
STRESS_SETS = tuple(kind for kinds in STRESS.values() for kind in kinds)
SIDES, NET_SIDES = (360, 420), (240, 320)  # pixels of a scene, a part of a photograph, and of one with a net
WHOLE = ("small", "large")  # sets that are made from whole photographs
PART_SIZE = (0.25, 0.45)  # of a scene's height
LIKE = 0.04  # deviation of the net's colour from the mean of the ground


def stress_names(data: Path) -> list[str]:
    """Return the names of all scenes of the stress sets."""
    return [f"{kind}/{name}/0" for kinds in STRESS.values() for kind in kinds for name in photograph_names(data)]


def is_stress(name: str) -> bool:
    """Tell whether a scene belongs to a stress set."""
    return any(name.split("/")[0] in kinds for kinds in STRESS.values())


def make_stress(name: str, data: Path) -> Sample:
    """Return the `Sample` of a name, with image, trimap and alpha."""
    kind, source, _ = name.split("/")
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    trimap_name = TRIMAPS[int(generator.integers(2))]
    case = next(photograph_cases(data, [source], [trimap_name]))
    image, alpha = np.float32(case.image), np.float32(case.alpha)
    sample = Sample(name, image=image, trimap=three_levels(case.trimap), alpha=alpha)
    if kind in NET_SETS:
        return _net(kind, sample, generator)
    if kind not in WHOLE:
        sample = crop_near_outline(sample, SIDES, generator)
    if kind in PART_SETS:
        return _with_part(kind, sample, source, data, generator)
    if kind in TRIMAP_SETS:
        return sample._replace(trimap=_other_trimap(kind, sample, generator))
    return DEGRADED[kind](sample, generator)


def _with_part(kind, sample, source, data, generator):
    """Return a photograph with a drawn part, or a part of another photograph, stuck to the object."""
    shape = sample.alpha.shape
    centre, size = place_on_outline(sample.alpha, generator), generator.uniform(*PART_SIZE) * shape[0]
    if kind == "part of another":
        return attach(sample, *_other_object(layers_of(fold_partner(source, data), data), shape, centre, size))
    form = PARTS[int(generator.integers(len(PARTS)))]
    opacity = draw_part(form, shape, centre, size, generator)
    if form == "bag":
        photographs = Photographs(data_folder(data) / "photos" / "test")
        image = np.float32(photographs[int(generator.integers(len(photographs)))]) / 255
        colours = cv2.resize(image, shape[::-1], interpolation=cv2.INTER_CUBIC).clip(0, 1)
    else:
        known = sample.image[sample.trimap != 0.5]
        two = [shaded(colour, shape, generator) for colour in own_colours(known, generator, 2)]
        stripes = np.indices(shape).sum(axis=0) // max(6, round(0.2 * size)) % 2 == 0
        colours = two[0] if form == "ribbon" else np.where(stripes[:, :, None], *two)
    return attach(sample, colours, opacity)


def _other_object(layers, shape, centre, size):
    """Return colours (H, W, 3) and opacity (H, W) of another photograph's object, shrunk to a size around a centre."""
    ys, xs = np.nonzero(layers.alpha > 0.5)
    low, high = np.array([xs.min(), ys.min()]), np.array([xs.max(), ys.max()])
    factor = size / (high - low).max()
    planes = np.dstack([layers.foreground * layers.alpha[:, :, None], layers.alpha])
    planes = cv2.GaussianBlur(planes, (0, 0), 0.4 / factor)
    turn = np.column_stack([factor * np.eye(2), centre - factor * (low + high) / 2])
    planes = cv2.warpAffine(planes, turn, shape[::-1], flags=cv2.INTER_LINEAR)
    opacity = planes[:, :, 3].clip(0, 1)
    return (planes[:, :, :3] / np.maximum(opacity, 1e-4)[:, :, None]).clip(0, 1), opacity


def _net(kind, sample, generator):
    """Return a drawn net over a part of the photograph, in a colour that is like the ground's or unlike it."""
    top, left = (
        int(generator.integers(whole - part + 1)) for whole, part in zip(sample.alpha.shape, NET_SIDES, strict=True)
    )
    ground = sample.image[top : top + NET_SIDES[0], left : left + NET_SIDES[1]]
    alpha, trimap = draw_lattice(NET_SIDES, generator)
    pixels = ground.reshape(-1, 3)
    like = pixels.mean(axis=0) + generator.normal(0, LIKE, 3)
    colour = like.clip(0, 1) if kind == "net like ground" else own_colours(pixels, generator)[0]
    layers = Sample(sample.name, foreground=shaded(colour, NET_SIDES, generator), alpha=alpha)
    return Sample(sample.name, image=composite_sample(layers, ground).image, trimap=trimap, alpha=alpha)


def _other_trimap(kind, sample, generator):
    """Return another trimap of a photograph."""
    alpha, unknown = sample.alpha, sample.trimap == 0.5
    if kind == "strokes":
        return stroke_trimap(alpha, generator, (5, 28))
    if kind == "trimap dilated":
        return trimap_of(alpha, dilate(unknown, 10))
    if kind == "trimap eroded":
        return trimap_of(alpha, ~dilate(~unknown, 6) | dilate(mixed_pixels(alpha), 1))
    return band_trimap(alpha, *((25, 2) if kind == "band inside" else (2, 25)))
