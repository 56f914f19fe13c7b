"""Settings of a measurement in a flat TOML file, read into a frozen dataclass."""

import dataclasses
import sys
from pathlib import Path
from typing import TypeVar

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Config = TypeVar("Config")


def load_config(path: Path, kind: type[Config]) -> Config:
    """Read a flat TOML file into the dataclass `kind`; an unknown key or a wrong type is an error."""
    values = tomllib.loads(path.read_text(encoding="utf-8"))
    fields = {field.name: field.type for field in dataclasses.fields(kind)}
    for key, value in values.items():
        if key not in fields:
            raise ValueError(f"{path}: key {key!r} is unknown, expected one of {sorted(fields)}")
        if type(value) is not fields[key]:
            raise TypeError(f"{path}: {key} is {value!r}, expected {fields[key].__name__}")
    return kind(**values)
