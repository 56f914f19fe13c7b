"""Train the mask refiner, write its weights, and score it on masks by segmenters and masks made wrong on purpose."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from experiments.finder_weights.run import overlap
from experiments.finder_weights.weights import write_weights
from experiments.refiner_weights import Options
from experiments.refiner_weights.peers import rembg_alpha
from experiments.refiner_weights.samples import LABEL_FOLDERS, LEARNT_FROM, Scored, scored_sets
from experiments.refiner_weights.training import trained
from experiments.results import Row, make_row
from hybridmatte import find_mask, matte_from_mask
from hybridmatte.automatic.band import INSIDE_MIN
from hybridmatte.automatic.refinement import enlarged
from hybridmatte.trimap import depth_inside

NEAR = 0.01  # of the diagonal: the boundary error is the mean over pixels this close to the outline
SHIFT = 0.01  # of the diagonal: by how much masks are made too small, too large, or moved
COARSE_SIDE = 64  # pixels, longer side of the coarse masks
WAYS = ("mask", "rembg", "trusted", "corrected")


def run(options: Options) -> Iterator[list[Row]]:
    """Train what is not kept, write the weights of the first seed, and score it."""
    torch.set_num_threads(options.threads)
    sets = scored_sets(options.data)
    for seed in options.seeds:
        folder = trained(seed, options)
        if seed == options.seeds[0]:
            shown = sets["people"][0]
            write_weights(folder, options.weights, shown.image, shown.target)
    for name, photographs in sets.items():
        for kind in kinds_of(name, options.masks):
            yield score(name, kind, photographs, options.masks)


def kinds_of(name: str, masks: Path | None) -> list[str]:
    """Return the kinds of masks that a set is scored with: by segmenters, and made from the label."""
    segmenters = [] if masks is None else sorted(path.name for path in masks.iterdir() if (path / name).is_dir())
    if name in LEARNT_FROM:
        return segmenters
    has_alpha = name in LABEL_FOLDERS
    finds = ["bundled"] if name != "alphamatting_more" else []
    return segmenters + finds + (["coarse", "eroded", "dilated", "shifted"] if has_alpha else ["coarse"])


def score(name: str, kind: str, photographs: list[Scored], masks: Path | None) -> list[Row]:
    """Return a row for each way from these masks to alpha, means over the photographs."""
    errors: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for photograph in photographs:
        mask = mask_of(name, kind, photograph, masks)
        if mask is None:
            continue
        alphas = {"mask": mask} | {
            way: matte_from_mask(photograph.image, mask, trust_mask=way == "trusted").alpha for way in WAYS[2:]
        }
        if masks is not None and (masks / kind).is_dir() and name in LABEL_FOLDERS:
            alphas["rembg"] = rembg_alpha(photograph.image, mask)
        for way, alpha in alphas.items():
            errors[way].append(errors_of(alpha, photograph.target, has_alpha=name in LABEL_FOLDERS))
    return [
        make_row(way, f"{name}, {kind}", len(found), means(found, errors["mask"]))
        for way, found in errors.items()
        if found
    ]


def errors_of(alpha: np.ndarray, target: np.ndarray, *, has_alpha: bool) -> dict[str, float]:
    """Return the overlap, and the boundary error x 1000 where the target is an alpha."""
    is_inside = target >= INSIDE_MIN
    result = {"iou": overlap(alpha >= INSIDE_MIN, is_inside)}
    if has_alpha:
        distance = np.maximum(depth_inside(is_inside), depth_inside(~is_inside))
        result["boundary"] = 1000 * float(np.abs(alpha - target)[distance <= NEAR * np.hypot(*target.shape)].mean())
    return result


def means(found: list[dict[str, float]], before: list[dict[str, float]]) -> dict[str, float]:
    """Return the means over photographs, and the overlap's largest loss against the masks' own."""
    worst = min(one["iou"] - other["iou"] for one, other in zip(found, before, strict=True))
    return {key: float(np.mean([one[key] for one in found])) for key in found[0]} | {"worst_change": worst}


def mask_of(name: str, kind: str, photograph: Scored, masks: Path | None) -> np.ndarray | None:
    """Return a mask at the photograph's size, or None if a segmenter has none, or one without an outline."""
    target = photograph.target
    if kind in ("coarse", "eroded", "dilated", "shifted"):
        return _made_wrong(kind, np.float32(target >= INSIDE_MIN))
    if kind == "bundled":
        mask = find_mask(photograph.image)
    else:
        path = masks / kind / name / f"{photograph.stem}.npy"
        if not path.is_file():
            return None
        mask = enlarged(np.load(path).astype(np.float32).clip(0, 1), target.shape)
    is_inside = mask >= INSIDE_MIN
    return mask if is_inside.any() and not is_inside.all() else None


def _made_wrong(kind: str, mask: np.ndarray) -> np.ndarray:
    """Return a hard mask made coarse, too small, too large, or moved."""
    if kind == "coarse":
        factor = COARSE_SIDE / max(mask.shape)
        size = [max(round(factor * side), 1) for side in mask.shape[::-1]]
        return enlarged(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), mask.shape)
    width = round(SHIFT * float(np.hypot(*mask.shape)))
    if kind == "shifted":
        move = np.float32([[1, 0, 0.7 * width], [0, 1, 0.7 * width]])
        return cv2.warpAffine(mask, move, mask.shape[::-1])
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    return (cv2.erode if kind == "eroded" else cv2.dilate)(mask, disc)
