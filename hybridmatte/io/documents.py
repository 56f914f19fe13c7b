"""Read a JSON file that somebody else may have written."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

from hybridmatte.io.streams import naming

__all__ = ["read_json_object"]

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
    path = Path(path)
    if path.exists() and not path.is_file():  # reading a named pipe would wait for ever
        raise OSError(f"{path} is no regular file, expected a JSON file")
    if path.stat().st_size > max_bytes:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, expected at most {max_bytes}")
    try:
        with naming(path):
            document = json.loads(path.read_bytes().decode("utf-8"))
    except RecursionError:
        raise ValueError(f"{path} is nested too deeply, expected a JSON object of plain values") from None
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}), expected an object") from None
    if not isinstance(document, dict):
        raise ValueError(f"{path} holds a JSON {type(document).__name__}, expected an object")
    return document
