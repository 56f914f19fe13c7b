"""Read the configuration of a training run from a flat TOML file."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hybridmatte.io.streams import naming
from hybridmatte.training.config import CONFIGS, TrainingConfig, config_class, option_names, readers_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports] -- only installed on Python 3.10

__all__ = ["read_config"]


def read_config(path: str | Path, **changes: Any) -> TrainingConfig:
    """Read a configuration from a flat TOML file; its key ``paradigm`` chooses the class.

    A key that only other paradigms read is allowed at its default, so that one file can serve several paradigms.

    Parameters
    ----------
    path : str or path
    **changes
        Values that replace those of the file.

    Returns
    -------
    config : TrainingConfig
        Of the paradigm's own class, e.g. `AlphaFreeConfig`.

    Raises
    ------
    TypeError
        If a value has a wrong type.
    ValueError
        If the file is not TOML, a key is unknown, only other paradigms read a key, or a value is out of range.
    """
    path = Path(path)
    try:
        with naming(path):
            values = tomllib.loads(path.read_text(encoding="utf-8")) | changes
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{path} is not TOML: {error}") from None
    try:
        chosen = config_class(values.get("paradigm", TrainingConfig.paradigm))
        _refuse_unknown(chosen, values)
        return chosen(**{key: value for key, value in values.items() if not _is_foreign_default(chosen, key, value)})
    except (TypeError, ValueError) as error:
        raise type(error)(f"{path}: {error}") from None


def _refuse_unknown(kind: type[TrainingConfig], keys: Mapping[str, Any]) -> None:
    """Refuse keys that no paradigm reads, and name the nearest known one."""
    known = list(dict.fromkeys(name for one in (kind, *CONFIGS.values()) for name in option_names(one)))
    for key in keys:
        if key not in known:
            begins = sorted((name for name in known if key.startswith(name)), key=len, reverse=True)
            near = begins or difflib.get_close_matches(key, known, 1)
            expected = f"perhaps {near[0]!r}" if near else f"expected one of {', '.join(option_names(kind))}"
            raise ValueError(f"key {key!r} is unknown, {expected}")


def _is_foreign_default(kind: type[TrainingConfig], key: str, value: Any) -> bool:
    """Return whether an option is not read by a paradigm and has the default that it has elsewhere."""
    return key not in option_names(kind) and any(value == getattr(reader, key) for reader in readers_of(key))
