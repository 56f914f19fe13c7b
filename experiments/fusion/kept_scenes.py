"""Solved scenes kept in files, and the rows of features that the network learns from."""

import io
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.fusion.scenes import is_given, make_scene
from experiments.fusion.stress import is_stress, make_stress
from hybridmatte import solve
from hybridmatte.correction import _window_statistics_numba, estimates, features, window_statistics
from hybridmatte.correction.estimates import SolverEstimates, known_distances, solver_estimates
from hybridmatte.correction.features import correction_features
from hybridmatte.data import Sample
from hybridmatte.io.files import write_bytes
from hybridmatte.systems.problem import check_problem

PLANES = {"image": 3, "known": 1, "truth": 1, "alpha": 1, "samples": 8}  # number of planes in a file
KIND = "float32"
GIVEN, OTHER = 10000, 2500  # pixels to learn from: of a scene with the site's own trimap, and of all others
MAKERS = (estimates, features, window_statistics, _window_statistics_numba)  # modules that decide the features
MAKER = [*(Path(module.__file__).read_bytes() for module in MAKERS), repr((GIVEN, OTHER, PLANES, KIND)).encode()]
MADE_BY = f"{zlib.crc32(b''.join(MAKER)):08x}"  # in the file's name: other features, or another number, are other files


class Rows(NamedTuple):
    """Some of a scene's unknown pixels: features (n, F) and true alpha (n,)."""

    features: np.ndarray
    alpha: np.ndarray


class Judged(NamedTuple):
    """A scene to score: estimates, true alpha, the trimap before it is expanded, and alpha by `solve_sampling`."""

    estimates: SolverEstimates
    truth: np.ndarray
    trimap: np.ndarray
    sampling: np.ndarray


def write_scene(name: str, data: Path, folder: Path) -> bool:
    """Make and solve a scene, and keep it; return whether it was missing."""
    if scene_path(name, folder).exists():
        return False
    keep_scene(name, make_stress(name, data) if is_stress(name) else make_scene(name, data), folder)
    return True


def keep_scene(name: str, sample: Sample, folder: Path) -> None:
    """Solve a scene and keep it."""
    if is_judged(name):
        _save(_judged_path(name, folder), np.stack([sample.trimap, solve(sample.image, sample.trimap, "sampling")]))
    planes = solver_estimates(check_problem(sample.image, sample.trimap)).planes()._asdict() | {"truth": sample.alpha}
    whole = np.concatenate([planes[key].reshape(-1, *sample.alpha.shape) for key in PLANES], dtype=KIND)
    _save(scene_path(name, folder), whole)


def read_scene(name: str, folder: Path) -> tuple[SolverEstimates, np.ndarray]:
    """Return the solvers' estimates of a scene, and its true alpha (H, W)."""
    planes = np.load(scene_path(name, folder))
    if len(planes) != sum(PLANES.values()) or planes.dtype != KIND:
        raise ValueError(
            f"scene {scene_path(name, folder)} has {len(planes)} planes of {planes.dtype}, expected "
            f"{sum(PLANES.values())} of {KIND}; it was kept by another recipe: remove it"
        )
    parts = dict(zip(PLANES, np.split(planes, np.cumsum([*PLANES.values()])[:-1]), strict=True))
    truth, known, alpha = (parts.pop(key)[0] for key in ("truth", "known", "alpha"))
    return SolverEstimates(known=known, alpha=alpha, distances=known_distances(known), **parts), truth


def read_judged(name: str, folder: Path) -> Judged:
    """Return a scene that networks are scored on."""
    return Judged(*read_scene(name, folder), *np.load(_judged_path(name, folder)))


def is_judged(name: str) -> bool:
    """Tell whether networks are scored on a scene: a photograph with one of the site's trimaps, or a stress scene."""
    return is_stress(name) or is_given(name)


def keep_rows(name: str, folder: Path) -> None:
    """Keep the features and true alpha of random unknown pixels of a scene, the same ones every time."""
    path = _rows_path(name, folder)
    if path.exists():
        return
    solved, truth = read_scene(name, folder)
    unknown = np.flatnonzero(solved.known == 0.5)
    chosen = np.random.default_rng(len(unknown)).permutation(unknown)[: GIVEN if is_given(name) else OTHER]
    is_chosen = np.zeros(truth.shape, bool)
    is_chosen.flat[chosen] = True
    _save(path, np.column_stack([correction_features(solved, is_chosen), truth[is_chosen]]))


def read_rows(name: str, folder: Path) -> Rows:
    """Return the `Rows` that are kept of a scene."""
    rows = np.load(_rows_path(name, folder))
    return Rows(rows[:, :-1], rows[:, -1])


def scene_path(name: str, folder: Path) -> Path:
    """Return the file of a scene."""
    return Path(folder, f"{name.replace('/', '_').replace(' ', '_')}.npy")


def _judged_path(name: str, folder: Path) -> Path:
    return scene_path(name, folder).with_suffix(".judged.npy")


def _rows_path(name: str, folder: Path) -> Path:
    return scene_path(name, folder).with_suffix(f".{MADE_BY}.npy")


def _save(path: Path, array: np.ndarray) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array)
    write_bytes(path, buffer.getvalue())
