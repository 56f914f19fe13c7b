"""The parts of an unfinished output: a folder of the alphas that are solved, from which a later run continues."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hybridmatte.io.documents import read_json_object
from hybridmatte.io.exr import read_exr, write_exr
from hybridmatte.io.files import write_bytes

__all__ = ["Parts"]

Plane = npt.NDArray[np.float32]
JOB = "job.json"


class Parts:
    """The folder ``OUTPUT.parts``: finished alphas, their variances, and the job's options."""

    def __init__(self, output: str, job: dict[str, Any], *, resume: bool, force: bool) -> None:
        self.folder = Path(output.rstrip("/") + ".parts")
        if self.folder.is_dir() and force and not resume:
            shutil.rmtree(self.folder)
        self.n_done = self._count()
        if self.folder.is_dir():
            if not resume:
                raise FileExistsError(
                    f"{self.folder} has {self.n_done} frames of an interrupted run, expected --resume to continue from "
                    "there, or --force to begin again"
                )
            self._check(job)
        else:
            self.folder.mkdir()
            write_bytes(self.folder / JOB, json.dumps(job, indent=1).encode())

    def load(self, index: int) -> tuple[Plane, Plane] | None:
        """Return the alpha and the variance of a finished frame, None if it is not finished."""
        if index >= self.n_done:
            return None
        return self._read(self._alpha(index)), self._read(self._variance(index))

    def save(self, index: int, alpha: Plane, variance: Plane) -> None:
        """Keep a frame; it is finished when its alpha has its name."""
        write_exr(self._variance(index), variance, bits=32)
        write_exr(self._alpha(index), alpha, bits=32)
        self.n_done = index + 1

    def remove(self) -> None:
        """Remove the folder, when the output is whole."""
        shutil.rmtree(self.folder)

    def _alpha(self, index: int) -> Path:
        return self.folder / f"alpha_{index:06d}.exr"

    def _variance(self, index: int) -> Path:
        return self.folder / f"variance_{index:06d}.exr"

    def _count(self) -> int:
        count = 0
        while self._alpha(count).is_file() and self._variance(count).is_file():
            count += 1
        return count

    def _read(self, path: Path) -> Plane:
        return np.ascontiguousarray(read_exr(path).colour[:, :, 0])

    def _check(self, job: dict[str, Any]) -> None:
        """Refuse parts that other options, or another clip, have made."""
        if not os.path.isfile(self.folder / JOB):
            raise ValueError(f"{self.folder} has no {JOB}, expected the parts of an interrupted run")
        before = read_json_object(self.folder / JOB)
        for name, value in job.items():
            if before.get(name) != value:
                raise ValueError(
                    f"{self.folder} was begun with {name} {before.get(name)!r}, expected {value!r} as now, or --force "
                    "without --resume to begin again"
                )
