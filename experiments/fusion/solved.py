"""What the solvers say of each scene, kept in files of bytes that training maps into memory."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.fusion.scenes import make_scene
from hybridmatte.solver.system import check_problem
from hybridmatte.solver_fusion import REACH, SOLVERS, Solved, solve_all

WIDTHS = {"image": 3, "known": 1, "alpha": 1, "mattes": len(SOLVERS), "samples": 8, "distances": 2}  # planes
FARTHEST = np.log1p(2000) / REACH  # of a byte


class Scene(NamedTuple):
    """A solved scene: its name, bytes (H, W, C) in the order of `WIDTHS`, and its unknown pixels (n,)."""

    name: str
    planes: np.ndarray
    unknown: np.ndarray

    def part(self, rows, columns):
        """Return a rectangle's `Solved` and true alpha (h, w)."""
        planes = np.float32(self.planes[rows, columns]) / 255
        ends = np.cumsum([0, *WIDTHS.values()])
        parts = {name: planes[:, :, start:end] for name, start, end in zip(WIDTHS, ends[:-1], ends[1:], strict=True)}
        alpha, known = (parts.pop(name)[:, :, 0] for name in ("alpha", "known"))
        known = np.float32(known > 0.9) + np.float32(0.5) * ((known > 0.1) & (known < 0.9))
        return Solved(known=known, **parts | {"distances": parts["distances"] * np.float32(FARTHEST)}), alpha


def write_scene(name, data, folder):
    """Make and solve a scene, and keep it; return whether it was missing."""
    path = scene_path(name, folder)
    if path.exists():
        return False
    sample = make_scene(name, data)
    solved = solve_all(check_problem(sample.image, sample.trimap))
    planes = solved._asdict() | {"alpha": sample.alpha, "distances": (solved.distances / FARTHEST).clip(0, 1)}
    planes = np.rint(255 * np.dstack([planes[key] for key in WIDTHS])).astype(np.uint8)
    partial = path.with_suffix(".part")
    with open(partial, "wb") as file:
        np.save(file, planes)
    os.replace(partial, path)
    return True


def read_scene(name, folder):
    """Return the `Scene` of a name, its bytes mapped into memory."""
    planes = np.load(scene_path(name, folder), mmap_mode="r")
    known = planes[:, :, WIDTHS["image"]]
    return Scene(name, planes, np.flatnonzero((known > 25) & (known < 230)))


def scene_path(name, folder):
    """Return the file of a scene."""
    return Path(folder, f"{name.replace('/', '_')}.npy")
