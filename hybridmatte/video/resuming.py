"""The parts of an unfinished output: a folder of the alphas that are solved, from which a later run continues."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from hybridmatte.io.documents import read_json_object
from hybridmatte.io.exr import read_exr, write_exr
from hybridmatte.io.files import hold_file, write_bytes

__all__ = ["Parts", "parts_folder"]

Plane = npt.NDArray[np.float32]
JOB, LOCK, FILES = "job.json", "lock", "files"


def parts_folder(output: str) -> Path:
    """Return the folder of the parts of an output, beside it."""
    has_name = Path(output).name not in ("", "..")
    return Path((output if has_name else os.path.abspath(output)).rstrip("/") + ".parts")


class Parts:
    """The folder ``OUTPUT.parts``: finished alphas, their variances, and what they were made from.

    Parameters
    ----------
    output : str
    job : dict
        What all frames depend on, by its name in a message: it must be the same as in an earlier run.
    files : list of lists
        For each frame, sizes and dates of the files that are its own. A frame depends on its own files and those of
        the frames before it: from the first frame whose files have changed, frames are solved again.
    resume, force : bool
        Whether to continue an interrupted run, or to begin again.
    """

    def __init__(self, output: str, job: dict[str, Any], files: list[list[Any]], *, resume: bool, force: bool) -> None:
        self.folder, self._record = parts_folder(output), {**job, FILES: files}
        self.n_done = self._count()
        self._held: IO[bytes] | None = None
        try:
            if self.folder.is_dir():
                self._open(resume=resume, force=force)
            if not self.folder.is_dir():
                self.folder.mkdir()
                self._hold()
                self._write_record()
        except BaseException:
            self.close()
            raise

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

    def close(self) -> None:
        """Let another run continue."""
        if self._held is not None:
            self._held.close()

    def remove(self) -> None:
        """Remove the folder, when the output is whole or nothing is finished."""
        self.close()
        shutil.rmtree(self.folder)

    def _open(self, *, resume: bool, force: bool) -> None:
        """Continue with what an earlier run has left, or remove it."""
        if not os.path.isfile(self.folder / JOB):
            raise ValueError(f"{self.folder} has no {JOB}, expected the parts of an interrupted run, or no such folder")
        self._hold()
        if self.n_done == 0 or force and not resume:
            self.remove()
            self.n_done = 0
            return
        if not resume:
            raise FileExistsError(
                f"{self.folder} has {_frames(self.n_done)} of an interrupted run, expected --resume to continue from "
                "there, or --force to begin again"
            )
        before = read_json_object(self.folder / JOB)
        self._check(before)
        if before.get(FILES) != self._record[FILES]:
            self._drop_from(_n_equal(before.get(FILES), self._record[FILES]))
            self._write_record()

    def _check(self, before: dict[str, Any]) -> None:
        """Refuse parts that other options, or another clip, have made."""
        for name in [*self._record, *sorted(set(before) - set(self._record))]:
            was, now = before.get(name), self._record.get(name)
            if name != FILES and was != now:
                raise ValueError(
                    f"{self.folder} was begun with {name} {was!r}, expected {now!r} as now, or --force without "
                    "--resume to begin again"
                )

    def _hold(self) -> None:
        """Lock the folder until this run ends, however it ends; refuse it if another run has locked it."""
        self._held = hold_file(self.folder / LOCK)
        if self._held is None:
            raise FileExistsError(f"{self.folder} is in use by another run, expected another output, or to wait for it")

    def _drop_from(self, index: int) -> None:
        """Remove finished frames, the last first."""
        while self.n_done > index:
            self._alpha(self.n_done - 1).unlink()
            self.n_done -= 1

    def _write_record(self) -> None:
        write_bytes(self.folder / JOB, json.dumps(self._record, indent=1).encode())

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


def _n_equal(one: object, other: list[Any]) -> int:
    """Return how many entries from the beginning are the same."""
    if not isinstance(one, list):
        return 0
    return next((k for k, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))


def _frames(count: int) -> str:
    return f"{count} frame" if count == 1 else f"{count} frames"
