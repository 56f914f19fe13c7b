"""The results of ``evaluate``: a table for the terminal, CSV and JSON files."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

from rich.table import Table

from hybridmatte.cli.streams import refuse_overwriting

__all__ = ["COLUMNS", "NETWORK_COLUMNS", "Columns", "Row", "check_score_files", "score_table", "write_score_files"]

Row = dict[str, Any]  # "name", and a number for each metric
Columns = dict[str, tuple[str, float]]  # metric: header of the table, and factor; files hold the numbers without it

COLUMNS: Columns = {
    "sad": ("SAD / 1000", 1e-3),
    "mse": ("MSE x 1000", 1e3),
    "mad": ("MAD x 1000", 1e3),
    "gradient_error": ("Grad / 1000", 1e-3),
    "connectivity_error": ("Conn / 1000", 1e-3),
}
NETWORK_COLUMNS: Columns = {  # as in papers on networks: over the whole image, and -T over the unknown region
    "sad": ("SAD / 1000", 1e-3),
    "mad": ("MAD", 1.0),
    "mse": ("MSE", 1.0),
    "gradient_error": ("Grad / 1000", 1e-3),
    "connectivity_error": ("Conn / 1000", 1e-3),
    "sad_t": ("SAD-T / 1000", 1e-3),
    "mse_t": ("MSE-T", 1.0),
    "mse_boundary": ("MSE-B", 1.0),
}


def check_score_files(csv_file: Path | None, json_file: Path | None, *, force: bool) -> None:
    """Refuse files that cannot be written, whose names have another extension, or that exist, unless force is given."""
    from hybridmatte.io.files import check_writable

    for path, extension in ((csv_file, ".csv"), (json_file, ".json")):
        if path is not None and path.suffix.lower() != extension:
            raise ValueError(f"--{extension[1:]} is {path}, expected the name of a file ending in {extension}")
        if path is not None:
            check_writable(path)
            refuse_overwriting([path], force=force)


def write_score_files(csv_file: Path | None, json_file: Path | None, document: dict[str, Any]) -> None:
    """Write a document, whose "results" are rows, as JSON, and the rows as CSV."""
    from hybridmatte.io.files import write_bytes

    document = document | {"results": [row | {"name": _utf8_name(row["name"])} for row in document["results"]]}
    if csv_file is not None:
        write_bytes(csv_file, _as_csv(document["results"]).encode(errors="surrogateescape"))
    if json_file is not None:
        write_bytes(json_file, json.dumps(document, indent=1).encode())


def score_table(rows: list[Row], mean: dict[str, float], columns: Columns, title: str) -> Table:
    """Return a table of rows, with their mean as the last one."""
    table = Table("Image", title=title)
    for header, _ in columns.values():
        table.add_column(header, justify="right")
    for row in rows:
        _add_row(table, row["name"], row, columns)
    table.add_section()
    _add_row(table, f"mean of {len(rows)}", mean, columns)
    return table


def _utf8_name(name: str) -> str:
    """Return a file's name as UTF-8 reads it, whatever encoding the locale gives file names."""
    return os.fsencode(name).decode(errors="surrogateescape")


def _add_row(table: Table, name: str, numbers: dict[str, Any], columns: Columns) -> None:
    cells = (f"{numbers[metric] * factor:.{4 if factor == 1.0 else 3}f}" for metric, (_, factor) in columns.items())
    table.add_row(name, *cells)


def _as_csv(rows: list[Row]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()
