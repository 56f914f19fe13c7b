"""The page from the recorded result."""

from collections.abc import Mapping, Sequence

import numpy as np

from experiments.bench_fusion import AUTO, LARGE, REPEATED, WAYS
from experiments.results import Document, Row
from experiments.tables import mark, table

GOALS = {"mean": 0.35, "auto": 0.8, "s": 12.0, "gib": 2.0, "growth": 1.3}


def report(document: Document) -> list[str]:
    """Return the tables of the photographs, of enlarged ones, and of the goals."""
    rows = document["results"]
    photographs = [row for row in rows if row["method"] in WAYS]
    large = {way: [row for row in rows if row["method"] == way] for way in (LARGE, REPEATED)}
    auto = [row for row in rows if row["method"] == AUTO]
    parts = _photographs(photographs) if photographs else []
    return [*parts, *_large(large), *(_auto(auto[0]) if auto else [])]


def _photographs(rows: Sequence[Row]) -> list[str]:
    """Return the table of mean, least and most seconds, and of their ratios."""
    cases = {}
    for row in rows:
        cases.setdefault(row["subject"], {})[row["method"]] = row
    found = {way: [case[way]["median_s"] for case in cases.values()] for way in WAYS}
    best = np.mean(found["best"])
    found |= {
        f"{one} over {other}": [case[one]["median_s"] / case[other]["median_s"] for case in cases.values()]
        for one, other in (("best", "solvers"), ("fast", "best"))
    }
    lines = [
        [name + mark(rows), f"{np.mean(values):.2f}", f"{min(values):.2f}", f"{max(values):.2f}"]
        for name, values in found.items()
    ]
    return [
        f"Seconds of {len(cases)} pairs of photograph and trimap. Goal: best in {GOALS['mean']} s in the mean: "
        f"{_verdict(best, GOALS['mean'])}.",
        table(["", "mean", "least", "most"], lines),
    ]


def _large(found: Mapping[str, Sequence[Row]]) -> list[str]:
    """Return a table and a sentence on the goals for enlarged and for repeated photographs."""
    intros = {
        LARGE: "An enlarged photograph with noise, which is soft and so solved at a smaller size.",
        REPEATED: "A photograph repeated side by side, which is sharp and solved at its own size.",
    }
    parts = [
        "## Large pictures",
        "One call in a fresh process after one that compiles; the peak is that of the whole process.",
    ]
    for way, rows in found.items():
        if rows:
            parts += [intros[way], *_sizes(rows)]
    return parts if len(parts) > 2 else []


def _sizes(rows: Sequence[Row]) -> list[str]:
    """Return the table of sizes: seconds, microseconds an unknown pixel, and peak memory; and the goals."""
    speeds = [1e6 * row["median_s"] / row["error"]["unknowns"] for row in rows]
    lines = [
        [
            row["subject"] + mark([row]),
            f"{row['error']['unknowns']:,}",
            f"{row['median_s']:.1f}",
            f"{speed:.1f}",
            f"{row['peak_mib'] / 1024:.2f}",
        ]
        for row, speed in zip(rows, speeds, strict=True)
    ]
    last, growth = rows[-1], speeds[-1] / speeds[0]
    return [
        table(["photograph", "unknown pixels", "s", "µs an unknown pixel", "peak, GiB"], lines),
        f"Goals at the largest size: {GOALS['s']:g} s, {_verdict(last['median_s'], GOALS['s'])}; {GOALS['gib']:g} GiB, "
        f"{_verdict(last['peak_mib'] / 1024, GOALS['gib'])}; growth from the smallest {growth:.2f}, at most "
        f"{GOALS['growth']}, {_verdict(growth, GOALS['growth'])}.",
    ]


def _auto(row: Row) -> list[str]:
    """Return the sentence on `matte_from_image`."""
    height, width = row["size"]
    return [
        "## From the image alone",
        f"`matte_from_image` takes {row['median_s']:.2f} s on {row['subject']} at {width} x {height}"
        f"{mark([row])}, of which {GOALS['auto']} s are the goal: {_verdict(row['median_s'], GOALS['auto'])}.",
    ]


def _verdict(value: float, goal: float) -> str:
    return "met" if value <= goal else "missed"
