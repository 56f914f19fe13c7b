"""Markdown tables of results, and the marks of rows that are to be measured again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from experiments.metadata import modified_commits
from experiments.results import Row

MARK = " \\*"  # a page with such a mark ends with the footnote that explains it
FORMER = " †"  # likewise


def table(header: Sequence[Any], lines: Iterable[Sequence[Any]]) -> str:
    """Return a Markdown table."""
    cells = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in cells)


def mark(rows: Sequence[Row]) -> str:
    """Return the marks of a line: of rows measured on a modified checkout, and of rows of a former configuration."""
    return (MARK if modified_commits(rows) else "") + (FORMER if any(row.get("former") for row in rows) else "")


def spread(values: Sequence[float]) -> str:
    """Return mean and standard deviation with digits that suit their size; nothing for no values."""
    if not len(values):
        return ""
    digits = 2 if np.mean(values) >= 1 else 4
    more = f" ({np.std(values, ddof=1):.{digits}f})" if len(values) > 1 else ""
    return f"{np.mean(values):.{digits}f}{more}"


def seed_table(title: str, columns: Mapping[str, tuple[str, float]], found: Mapping[str, Sequence[Row]]) -> str:
    """Return a table with a line for each name in `found`: mean and standard deviation over the rows of its seeds.

    `columns` maps a key of the errors to its heading and the factor it is shown with. A column that no row has is left
    out.
    """
    shown = [key for key in columns if any(key in row["error"] for rows in found.values() for row in rows)]
    header = [title, "seeds", *(columns[key][0] for key in shown)]
    lines = [
        [
            name + mark(rows),
            len(rows),
            *(spread([row["error"][key] * columns[key][1] for row in rows if key in row["error"]]) for key in shown),
        ]
        for name, rows in found.items()
    ]
    return table(header, lines)
