"""A manifest: a table (CSV) or JSON lines with an image in each row, its partner, its output's name and its options."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hybridmatte.batch.archives import PLANE_NAMES
from hybridmatte.batch.items import Inputs, Item
from hybridmatte.batch.parts import Part, Remote, is_remote, normal_name, stem_of_name
from hybridmatte.batch.stores import Stores, joined
from hybridmatte.io.formats import INPUT_EXTENSIONS

__all__ = ["OWN", "read_manifest"]

OWN = ("image", *PLANE_NAMES, "background", "output")  # columns that are no options
OPTION = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")  # the name of a column
WITH_TRIMAP = ("alpha", "truth")  # planes beside which a trimap is used


def read_manifest(text: str, plane: str, stores: Stores, options: Sequence[str] = ()) -> Inputs:
    """Return the items of a manifest; a row that is none becomes an item with its error.

    Paths count from the folder of the manifest. ``output`` is the name of the result with or without ``.png``; without
    it, the name is that of the image. All columns other than `OWN` are options of the command of the job, such as
    ``method``; empty cells, and null in JSON, stand for none. A table with a column that is none of these, nor one of
    the options, is refused.
    """
    if is_remote(text):
        data = stores.read(Remote(text)).getvalue()
    else:
        data = Path(text).read_bytes()
    try:
        lines = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"INPUT {text} is no text in UTF-8 ({error}), expected one") from None
    rows = _csv_rows(lines, text, options) if text.lower().endswith(".csv") else _json_rows(lines)
    folder = text.rpartition("/")[0] if is_remote(text) else os.path.dirname(text)
    items = [_item(index, row, plane, folder, text) for index, row in enumerate(rows)]
    if not items:
        raise ValueError(f"INPUT {text} holds no row, expected at least one with an image")
    return Inputs(items, len(items), _unused(rows, plane, text))


def _unused(rows: list[dict[str, Any] | str], plane: str, text: str) -> list[str]:
    """Return a sentence on the trimaps, masks and so on that the job does not use."""
    used = {plane, "alpha", "trimap"} if plane in WITH_TRIMAP else {plane}
    given = {name for row in rows if isinstance(row, dict) for name in row}
    names = ", ".join(name for name in PLANE_NAMES if name in given - used)
    return [f"INPUT {text}: not used by this job: {names}"] if names else []


def _csv_rows(lines: str, text: str, options: Sequence[str]) -> list[dict[str, Any] | str]:
    """Return the rows of a table. One that is no whole table is refused: a quote without its end would swallow rows."""
    reader = csv.DictReader(io.StringIO(lines, newline=""), strict=True)
    cells, whole = [], 0
    try:
        names = reader.fieldnames or []
        whole = reader.line_num
        for row in reader:
            cells.append(row)
            whole = reader.line_num
    except csv.Error as error:
        raise ValueError(f"INPUT {text} has no row in line {whole + 1} ({error}), expected CSV") from None
    if not {"image", "alpha"} & set(names):
        raise ValueError(f"INPUT {text} has the columns {', '.join(names) or 'none'}, expected one called image")
    unknown = [name for name in names if name not in OWN and name.replace("_", "-") not in options]
    if unknown:
        raise ValueError(
            f"INPUT {text} has the columns {', '.join(map(repr, unknown))}, expected {', '.join(OWN)} or options of "
            f"the job ({', '.join(options)})"
        )
    rows: list[dict[str, Any] | str] = []
    for row in cells:
        extra = row.pop(None, None)
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
    no_option = [name for name in row if not OPTION.fullmatch(name)]
    if no_option:
        sentence = f"row {index + 1} of {text} has {no_option[0]!r}, expected {', '.join(OWN)} or an option"
        return Item(index, f"row {index + 1}", place, error=sentence)
    if not isinstance(image, str) or not image:
        sentence = f"row {index + 1} of {text} has no {image_name}, expected a path or an address"
        return Item(index, f"row {index + 1}", place, error=sentence)
    options: list[str] = []
    for name, value in row.items():
        if name not in OWN:
            options += _option(name, value)
    given = row.get(plane)
    known = row.get("trimap") if plane in WITH_TRIMAP else None
    key, problem = _key(str(row["output"])) if "output" in row else (stem_of_name(image), None)
    return Item(
        index,
        key,
        _part(image, folder),
        None if given is None else _part(str(given), folder),
        None if known is None else _part(str(known), folder),
        _background(row.get("background"), folder),
        tuple(options),
        error=problem,
    )


def _key(output: str) -> tuple[str, str | None]:
    """Return the name of a result without its ending, and what is wrong with it: results are PNG files.

    Other dots belong to the name, as in ``2024.05.01``.
    """
    stem, ending = os.path.splitext(output)
    if ending.lower() == ".png":
        return normal_name(stem), None
    if output.endswith("/") or ending.lower() in INPUT_EXTENSIONS:
        return output, f"output is {output}, expected the name of a file, with the ending .png or without one"
    return normal_name(output), None


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
