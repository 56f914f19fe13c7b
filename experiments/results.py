"""Recorded results: the form of `docs/results/NAME.json`, reading, checking, and merging rows into it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results"
METADATA_KEYS = {"commit": str, "date": str, "versions": dict, "processor": str, "threads": int}
ROW_KEYS = {
    "method": str,
    "subject": str,
    "size": (int, list),
    "median_s": (float, type(None)),
    "iqr_s": (float, type(None)),
    "peak_mib": (float, type(None)),
    "error": (dict, type(None)),
}
Row = dict[str, Any]  # ROW_KEYS, and what an experiment adds
Document = dict[str, Any]  # {"metadata": METADATA_KEYS, "results": [Row]}


def make_row(
    method: str,
    subject: str,
    size: int | Sequence[int],
    error: dict[str, float] | None = None,
    *,
    median_s: float | None = None,
    iqr_s: float | None = None,
    peak_mib: float | None = None,
    **more: Any,
) -> Row:
    """Return one row: a method, what it was measured on, a size in the experiment's unit, and what was measured."""
    size = size if isinstance(size, int) else list(size)
    return {
        "method": method,
        "subject": subject,
        "size": size,
        "median_s": median_s,
        "iqr_s": iqr_s,
        "peak_mib": peak_mib,
        "error": error,
        **more,
    }


def check_results(document: Document) -> Document:
    """Refuse a document that is not `{"metadata": {...}, "results": [{...}]}` with the agreed keys and types."""
    if set(document) != {"metadata", "results"}:
        raise ValueError(f"document has keys {sorted(document)}, expected ['metadata', 'results']")
    _check_keys(document["metadata"], METADATA_KEYS, "metadata")
    for number, row in enumerate(document["results"]):
        _check_keys(row, ROW_KEYS, f"results[{number}]")
    return document


def read_results(path: Path) -> Document:
    """Read and check a recorded result."""
    return check_results(json.loads(path.read_text(encoding="utf-8")))


def merge_results(
    path: Path, metadata: dict[str, Any], rows: list[Row], keys: Sequence[str] = ("method", "subject")
) -> Document:
    """Record rows, and return the document; a new row replaces the recorded row with the same values under `keys`.

    A new row with a configuration (see `experiments.recorded`) also removes all rows of its method with another one, so
    that no mean is over several configurations. Each row carries the commit and date of its own run, the metadata those
    of the latest run.
    """
    old = json.loads(path.read_text(encoding="utf-8"))["results"] if path.exists() else []
    chosen = {row["method"]: row["configuration"] for row in rows if "configuration" in row}
    old = [row for row in old if row.get("configuration") == chosen.get(row["method"], row.get("configuration"))]
    stamp = {"commit": metadata["commit"], "date": metadata["date"]}
    merged = {tuple(row.get(key) for key in keys): row for row in old}
    merged.update({tuple(row.get(key) for key in keys): {**row, **stamp} for row in rows})
    document = check_results({"metadata": metadata, "results": list(merged.values())})
    lines = ",\n".join("  " + json.dumps(row) for row in document["results"])
    text = f'{{"metadata": {json.dumps(metadata, indent=1)},\n"results": [\n{lines}\n]}}\n'
    temporary = path.with_name(f"{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
    return document


def _check_keys(values: dict[str, Any], expected: dict[str, Any], where: str) -> None:
    """Refuse missing keys and wrong types; more keys are allowed."""
    for key, kind in expected.items():
        if key not in values:
            raise ValueError(f"{where} has no {key!r}")
        if not isinstance(values[key], kind) or isinstance(values[key], bool):
            raise TypeError(f"{where}: {key} is {values[key]!r}, expected {kind}")
