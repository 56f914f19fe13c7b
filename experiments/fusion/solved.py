"""What the solvers say of each scene, kept in files, and the rows of features that are learned from."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.fusion.scenes import make_scene
from hybridmatte.fusion_features import SOLVERS, Solved, fusion_features, known_distances
from hybridmatte.solver.system import check_problem
from hybridmatte.solver_fusion import solve_all

WIDTHS = {"image": 3, "known": 1, "alpha": 1, "mattes": len(SOLVERS), "samples": 8}  # planes, as half floats
GIVEN, OTHER = 10000, 2500  # pixels of a scene that are learned from: with the site's own trimaps, and of all others


class Scene(NamedTuple):
    """A solved scene and its true alpha (H, W)."""

    name: str
    solved: Solved
    alpha: np.ndarray


class Rows(NamedTuple):
    """Some of a scene's unknown pixels: features (n, F) and true alpha (n,)."""

    features: np.ndarray
    alpha: np.ndarray


def write_scene(name, data, folder):
    """Make and solve a scene, and keep it; return whether it was missing."""
    path = scene_path(name, folder)
    if path.exists():
        return False
    sample = make_scene(name, data)
    planes = solve_all(check_problem(sample.image, sample.trimap))._asdict() | {"alpha": sample.alpha}
    partial = path.with_suffix(".part")
    with open(partial, "wb") as file:
        np.save(file, np.dstack([planes[key] for key in WIDTHS]).astype(np.float16))
    os.replace(partial, path)
    return True


def read_scene(name, folder):
    """Return the `Scene` of a name."""
    planes = np.float32(np.load(scene_path(name, folder)))
    ends = np.cumsum([0, *WIDTHS.values()])
    parts = {key: planes[:, :, start:end] for key, start, end in zip(WIDTHS, ends[:-1], ends[1:], strict=True)}
    alpha, known = (np.ascontiguousarray(parts.pop(key)[:, :, 0]) for key in ("alpha", "known"))
    return Scene(name, Solved(known=known, distances=known_distances(known), **parts), alpha)


def keep_rows(name, folder):
    """Keep the features and true alpha of random unknown pixels of a scene, the same ones every time."""
    path = _rows_path(name, folder)
    if path.exists():
        return
    scene = read_scene(name, folder)
    unknown = np.flatnonzero(scene.solved.known == 0.5)
    is_given = name.startswith("real/") and int(name.rsplit("/", 1)[1]) < 2
    chosen = np.random.default_rng(len(unknown)).permutation(unknown)[:GIVEN if is_given else OTHER]
    is_chosen = np.zeros(scene.alpha.shape, bool)
    is_chosen.flat[chosen] = True
    rows = np.column_stack([fusion_features(scene.solved, is_chosen), scene.alpha[is_chosen]])
    partial = path.with_suffix(".part")
    with open(partial, "wb") as file:
        np.save(file, rows)
    os.replace(partial, path)


def read_rows(name, folder, every=1):
    """Return the `Rows` that are kept of a scene, or every so manieth of them."""
    rows = np.load(_rows_path(name, folder))[::every]
    return Rows(rows[:, :-1], rows[:, -1])


def _rows_path(name, folder):
    return scene_path(name, folder).with_suffix(".rows.npy")


def scene_path(name, folder):
    """Return the file of a scene."""
    return Path(folder, f"{name.replace('/', '_')}.npy")
