"""A manifest: a table (CSV) or JSON lines with an image in each row, its partner, its output's name and its options."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

from hybridmatte.batch.archives import PLANE_NAMES
from hybridmatte.batch.items import Inputs, Item
from hybridmatte.batch.parts import Part, Remote, is_remote, stem_of_name
from hybridmatte.batch.stores import Stores, joined

__all__ = ["OWN", "read_manifest"]

OWN = ("image", *PLANE_NAMES, "background", "output")  # columns that are no options


def read_manifest(text: str, plane: str, stores: Stores) -> Inputs:
    """Return the items of a manifest; a row that is none becomes an item with its error.

    Paths count from the folder of the manifest. ``output`` is the name of the result, without which it is that of the
    image. All columns other than `OWN` are options of the command of the job, such as ``method``; empty cells, and null
    in JSON, stand for none.
    """
    if is_remote(text):
        data = stores.read(Remote(text)).getvalue()
    else:
        data = Path(text).read_bytes()
    try:
        lines = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"INPUT {text} is no text in UTF-8 ({error}), expected one") from None
    rows = _csv_rows(lines, text) if text.lower().endswith(".csv") else _json_rows(lines)
    folder = text.rpartition("/")[0] if is_remote(text) else os.path.dirname(text)
    items = [_item(index, row, plane, folder, text) for index, row in enumerate(rows)]
    if not items:
        raise ValueError(f"INPUT {text} holds no row, expected at least one with an image")
    return Inputs(items, len(items), [])


def _csv_rows(lines: str, text: str) -> list[dict[str, Any] | str]:
    reader = csv.DictReader(io.StringIO(lines, newline=""))
    names = reader.fieldnames or []
    if not {"image", "alpha"} & set(names):
        raise ValueError(f"INPUT {text} has the columns {', '.join(names) or 'none'}, expected one called image")
    rows: list[dict[str, Any] | str] = []
    for row in reader:
        extra = row.pop(None, None)  # type: ignore[call-overload]
        given = {name: value for name, value in row.items() if value not in (None, "")}
        rows.append(f"has {len(names) + len(extra)} cells, expected {len(names)}" if extra else given)
    return rows


def _json_rows(lines: str) -> list[dict[str, Any] | str]:
    rows: list[dict[str, Any] | str] = []
    for line in lines.splitlines():
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            rows.append(f"is no JSON ({error}), expected an object")
            continue
        if isinstance(row, dict):
            rows.append({name: value for name, value in row.items() if value is not None})
        else:
            rows.append(f"is {line.strip()[:40]}, expected an object")
    return rows


def _item(index: int, row: dict[str, Any] | str, plane: str, folder: str, text: str) -> Item:
    """Return the item of a row."""
    place = Remote(f"{text}, row {index + 1}")
    if isinstance(row, str):
        return Item(index, f"row {index + 1}", place, error=f"row {index + 1} of {text} {row}")
    image_name = "alpha" if plane == "truth" and "image" not in row else "image"
    image = row.get(image_name)
    if not isinstance(image, str) or not image:
        sentence = f"row {index + 1} of {text} has no {image_name}, expected a path or an address"
        return Item(index, f"row {index + 1}", place, error=sentence)
    options: list[str] = []
    for name, value in row.items():
        if name not in OWN:
            options += _option(name, value)
    given = row.get(plane)
    known = row.get("trimap") if plane in ("alpha", "truth") else None
    key = os.path.splitext(str(row["output"]))[0] if "output" in row else stem_of_name(image)
    return Item(
        index,
        key,
        _part(image, folder),
        None if given is None else _part(str(given), folder),
        None if known is None else _part(str(known), folder),
        _background(row.get("background"), folder),
        tuple(options),
    )


def _background(value: Any, folder: str) -> Path | str | None:
    """Return a picture by its path from the folder of the manifest, or a colour."""
    if value is None or is_remote(folder) or not os.path.isfile(os.path.join(folder, str(value))):
        return value
    return Path(folder, str(value))


def _option(name: str, value: Any) -> list[str]:
    """Return an option as on the command line; a true value is a flag, a list is the option again and again."""
    flag = f"--{name.replace('_', '-')}"
    if isinstance(value, list):
        return [part for single in value for part in _option(name, single)]
    if value is True or (isinstance(value, str) and value.lower() == "true"):
        return [flag]
    if value is False or (isinstance(value, str) and value.lower() == "false"):
        return []
    return [flag, str(value)]


def _part(name: str, folder: str) -> Part:
    """Return a file by its path or address; a path counts from the folder of the manifest."""
    if is_remote(name):
        return Remote(name)
    return Remote(joined(folder, name)) if is_remote(folder) else Path(folder, name)
