"""Read a JSON or TOML file that somebody else may have written."""

from __future__ import annotations

import json
import sys
from os import PathLike
from pathlib import Path
from typing import Any

from hybridmatte.io.streams import naming

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pyright: ignore[reportMissingImports] -- only installed on Python 3.10

__all__ = ["parse_toml_value", "read_json_object", "read_toml_table"]

MAX_BYTES = 1 << 20  # of a configuration; those of large networks have a few kB


def read_json_object(path: str | PathLike[str], *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Parameters
    ----------
    path : str or path
    max_bytes : int, default 2**20
        Size in bytes above which the file is refused without being read.

    Returns
    -------
    document : dict

    Raises
    ------
    ValueError
        If the file is too large, is not JSON, is nested too deeply, or holds something else than an object. The message
        names the file.
    OSError
        If there is no such file, or it is no regular file.
    """
    content = _read_regular(Path(path), "JSON", max_bytes)
    try:
        document = json.loads(content.decode("utf-8"))
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply, expected a JSON object of plain values") from None
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}), expected an object") from None
    if not isinstance(document, dict):
        raise ValueError(f"{path} holds a JSON {type(document).__name__}, expected an object")
    return document


def read_toml_table(path: str | PathLike[str], *, max_bytes: int = MAX_BYTES) -> dict[str, Any]:
    """Return the table that a TOML file holds; parameters and errors are those of `read_json_object`."""
    content = _read_regular(Path(path), "TOML", max_bytes)
    try:
        return tomllib.loads(content.decode("utf-8"))
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply, expected a TOML table of plain values") from None
    except ValueError as error:
        raise ValueError(f"{path} is not TOML ({error}), expected lines such as size = 1024") from None


def parse_toml_value(text: str) -> Any:
    """Return a value written as in TOML; a list may lack its brackets, and a word its quotes."""
    for written in (text, f"[{text}]"):
        try:
            return tomllib.loads(f"value = {written}")["value"]
        except tomllib.TOMLDecodeError:
            continue
    return text


def _read_regular(path: Path, kind: str, max_bytes: int) -> bytes:
    """Return the contents of a regular file of limited size."""
    if path.exists() and not path.is_file():  # reading a named pipe would wait for ever
        raise OSError(f"{path} is no regular file, expected a {kind} file")
    if path.stat().st_size > max_bytes:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, expected at most {max_bytes}")
    with naming(path):
        return path.read_bytes()
