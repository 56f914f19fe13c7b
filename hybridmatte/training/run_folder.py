"""The folder of a run: its configuration, its checkpoint, and what it started from."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from hybridmatte.io.documents import read_json_object
from hybridmatte.io.files import write_bytes
from hybridmatte.training.config import TrainingConfig

__all__ = ["check_new", "checkpoint_to_resume", "is_first_process", "value_before", "write_json"]

RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID")  # torchrun sets no NODE_RANK, Slurm neither this nor RANK

# what versions without these options did, where that is not their default
EARLIER: dict[str, Any] = {
    "composition_weight": 1.0,
    "asymmetric": False,
    "soft_boundary": True,
    "frozen_boundary": False,
}


def is_first_process() -> bool:
    """Return whether this process writes files and messages.

    It does if it is the only one, or the first of those that Lightning, torchrun or Slurm started.
    """
    return all(int(os.environ.get(name, 0)) == 0 for name in RANKS)


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write a document, whole or not at all."""
    write_bytes(path, json.dumps(document, indent=1).encode())


def check_new(output: Path) -> None:
    """Raise FileExistsError if a folder holds a run. Only the first process looks, as it is the one that writes."""
    if is_first_process() and _checkpoint(output).exists():
        raise FileExistsError(f"output {output} holds a run already, expected another folder, or to resume (--resume)")


def checkpoint_to_resume(output: Path, config: TrainingConfig) -> Path:
    """Return the last checkpoint of a run whose configuration must be the given one.

    Only the options of the paradigm are compared. More epochs than before lengthen the run.
    """
    checkpoint = _checkpoint(output)
    if not checkpoint.is_file():
        raise FileNotFoundError(f"output {output} has no checkpoints/last.ckpt, expected one to resume from")
    before = read_json_object(output / "config.json")
    for name, wanted in config.options().items():
        had = value_before(before, name, config)
        is_longer = name == "epochs" and isinstance(had, int) and had < wanted
        if had != wanted and not is_longer:
            expected = "at least as many" if name == "epochs" else "the same"
            raise ValueError(f"{name} is {wanted!r} but the run in {output} had {had!r}, expected {expected} to resume")
    return checkpoint


def value_before(before: dict[str, Any], name: str, config: TrainingConfig) -> Any:
    """Return the value that an option had in the run of a ``config.json``.

    An option that the file lacks had its default, or that of `EARLIER`, for an earlier version wrote it.
    """
    return before.get(name, EARLIER.get(name, getattr(type(config), name, getattr(config, name))))


def _checkpoint(output: Path) -> Path:
    """Return the path of a run's last checkpoint."""
    return output / "checkpoints" / "last.ckpt"
