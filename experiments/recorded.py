"""Rows that are recorded already, so that a run of many trainings can be spread over several sessions.

A row is one method with one seed. It carries its configuration: a hash of the experiment's recipes and one of what the
method changes. A run skips rows of the present configuration, and measures those that are missing.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from experiments.results import ROOT, Row

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DIGITS = 8  # of each hash
PACKED = "packed.json"  # of a data folder: the quality at which its photographs were encoded again
FITTED_COLOURS = {"colours of pretrained weights": "fitted"}  # code of experiments that start from Lite0's


class Recorded:
    """The recorded rows of an experiment.

    Parameters
    ----------
    name : str
        Name of the experiment. Its recipes are the TOML files of its folder; comments in them do not count.
    output : Path
        Folder of the recorded result.
    data : Path
        Data folder. Rows of one whose photographs were encoded again count as rows of other recipes.
    code : mapping, optional
        Changes of the code that count like changes of a recipe's values: rows from before them are measured again.
    """

    def __init__(self, name: str, output: Path, data: Path, code: Mapping[str, Any] = MappingProxyType({})):
        path, packed = output / f"{name}.json", data / PACKED
        rows = json.loads(path.read_text(encoding="utf-8"))["results"] if path.exists() else []
        self._recipes, self._code = recipes_hash(name), code
        if packed.exists():
            self._recipes = _hash([self._recipes, packed.read_text(encoding="utf-8")])
        self._found = {(row["method"], row["subject"], row.get("configuration")) for row in rows}

    def configuration(self, changes: Mapping[str, Any] | None = None) -> str:
        """Return what tells rows of these recipes, with what a method changes, from others."""
        return f"{self._recipes}-{_hash({**self._code, **(changes or {})})}"

    def has(self, method: str, subject: str, changes: Mapping[str, Any] | None = None) -> bool:
        """Return whether there is a row of the present configuration."""
        return (method, subject, self.configuration(changes)) in self._found


def recipes_hash(name: str) -> str:
    """Return the hash of the values in the recipes of an experiment."""
    paths = sorted((ROOT / "experiments" / name).glob("*.toml"))
    return _hash({path.name: tomllib.loads(path.read_text(encoding="utf-8")) for path in paths})


def former(rows: Sequence[Row], name: str) -> list[Row]:
    """Return the rows of a resumable experiment, with ``former`` set in those of other recipes than the present ones.

    Rows without configuration are of a time before rows had one.
    """
    present = recipes_hash(name)
    return [row | {"former": row.get("configuration", "").split("-")[0] != present} for row in rows]


def _hash(values: Any) -> str:
    """Return a short hash of values that JSON can hold."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:DIGITS]
