"""What the results of a run depend on beside its options and files: the version, networks and the segmenter."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any

from hybridmatte import __version__
from hybridmatte.automatic.registry import DEFAULT_SEGMENTER, ENTRY_POINTS, OTHER_NAMES
from hybridmatte.correction.weights import RESEARCH, WEIGHTS, WeightsKind, correction_folder

__all__ = ["identity_of", "stamp_of"]

N_DIGITS = 12  # of a checksum, in the record and in messages
NAME = "segmenter"
VERSION = "version of hybridmatte"


def identity_of(
    segmenter: str | None, weights: WeightsKind, *, has_correction: bool, has_masks: bool
) -> dict[str, Any]:
    """Return what a later run must have in common with this one, by its name in a message.

    segmenter is the name of the one that runs, or None. has_correction tells whether the network of `matte` runs,
    has_masks whether masks, given or found, are corrected.
    """
    found = None if segmenter is None else OTHER_NAMES.get(segmenter, segmenter)
    runs = {
        correction_folder(weights): has_correction,
        WEIGHTS["refiner"]: has_masks and weights == RESEARCH,
        WEIGHTS["finder"]: found == DEFAULT_SEGMENTER,
    }
    sums = {f"weights of {folder.name}": _checksum(folder) for folder, is_used in runs.items() if is_used}
    state = [] if found in (None, DEFAULT_SEGMENTER) else _state_of(str(found))
    return {VERSION: __version__, NAME: found, **sums, **({f"state of {NAME}": state} if state else {})}


def stamp_of(path: str | os.PathLike[str]) -> list[int]:
    """Return a file's size in bytes and its date in nanoseconds."""
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns]


def _checksum(folder: Path) -> str | None:
    """Return the beginning of the checksum of weights that come with the package; None if they were removed."""
    path = folder / "model.sha256"
    return path.read_text(encoding="ascii")[:N_DIGITS] if path.is_file() else None


def _state_of(segmenter: str) -> list[Any]:
    """Return sizes and dates of a segmenter's files, or else the version of the package that it comes from."""
    kind, _, argument = segmenter.partition(":")
    path = Path(argument).expanduser()
    if argument and path.exists():
        files = sorted(path.rglob("*")) if path.is_dir() else [path, path.with_name(f"{path.name}.toml")]
        return [stamp_of(file) for file in files if file.is_file()]
    packages = [point.dist.name for point in entry_points(group=ENTRY_POINTS, name=segmenter) if point.dist]
    return [_version(package) for package in packages or [kind]]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # a function that a script has registered
        return None
