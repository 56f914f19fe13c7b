"""What the solvers say of each scene, kept in files, and the rows of features that are learned from."""

import io
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

import hybridmatte.correction._features_numba
from experiments.fusion.scenes import is_given, make_scene
from hybridmatte.correction.features import Solved, fusion_features, known_distances
from hybridmatte.correction.matting import solve_all
from hybridmatte.io.files import write_bytes
from hybridmatte.systems.problem import check_problem

WIDTHS = {"image": 3, "known": 1, "truth": 1, "alpha": 1, "samples": 8}  # planes
KIND = "float32"
GIVEN, OTHER = 10000, 2500  # pixels of a scene that are learned from: with the site's own trimaps, and of all others
MAKERS = [Path(module.__file__) for module in (hybridmatte.correction.features, hybridmatte.correction._features_numba)]
MAKER = b"".join([*map(Path.read_bytes, MAKERS), repr((GIVEN, OTHER, WIDTHS, KIND)).encode()])
MADE_BY = f"{zlib.crc32(MAKER):08x}"  # rows of other features, or as many others, are other files


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
    planes = solve_all(check_problem(sample.image, sample.trimap))._asdict() | {"truth": sample.alpha}
    _save(path, np.concatenate([planes[key].reshape(-1, *sample.alpha.shape) for key in WIDTHS], dtype=KIND))
    return True


def read_scene(name, folder):
    """Return a scene as `Solved`, and its true alpha (H, W)."""
    planes = np.load(scene_path(name, folder))
    if len(planes) != sum(WIDTHS.values()) or planes.dtype != KIND:
        raise ValueError(f"scene {scene_path(name, folder)} has {len(planes)} planes of {planes.dtype}, expected "
                         f"{sum(WIDTHS.values())} of {KIND}; it was kept by another recipe: remove it")
    parts = dict(zip(WIDTHS, np.split(planes, np.cumsum([*WIDTHS.values()])[:-1]), strict=True))
    truth, known, alpha = (parts.pop(key)[0] for key in ("truth", "known", "alpha"))
    return Solved(known=known, alpha=alpha, distances=known_distances(known), **parts), truth


def keep_rows(name, folder):
    """Keep the features and true alpha of random unknown pixels of a scene, the same ones every time."""
    path = _rows_path(name, folder)
    if path.exists():
        return
    solved, truth = read_scene(name, folder)
    unknown = np.flatnonzero(solved.known == 0.5)
    chosen = np.random.default_rng(len(unknown)).permutation(unknown)[:GIVEN if is_given(name) else OTHER]
    is_chosen = np.zeros(truth.shape, bool)
    is_chosen.flat[chosen] = True
    _save(path, np.column_stack([fusion_features(solved, is_chosen), truth[is_chosen]]))


def read_rows(name, folder):
    """Return the `Rows` that are kept of a scene."""
    rows = np.load(_rows_path(name, folder))
    return Rows(rows[:, :-1], rows[:, -1])


def _save(path, array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    write_bytes(path, buffer.getbuffer())


def _rows_path(name, folder):
    return scene_path(name, folder).with_suffix(f".{MADE_BY}.npy")


def scene_path(name, folder):
    """Return the file of a scene."""
    return Path(folder, f"{name.replace('/', '_')}.npy")
