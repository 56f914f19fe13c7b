"""What a pair of solvers reached on the photographs, and which goals that meets."""

import statistics
from collections.abc import Sequence
from typing import Any

from experiments.bench_solvers.pairs import PAIRS, Pair
from experiments.results import Row
from experiments.tables import mark

Summary = dict[str, Any]
Goal = tuple[str, str, bool]  # the goal in words, what was reached, whether that meets it


def summarise_pair(rows: Sequence[Row], pair: Pair) -> Summary | None:
    """Return {package: {"sad": {trimap: mean}, "mse": ..., "seconds": median, ...}} and the ratios of a pair.

    Means are over the images both sides have run on.
    """
    rows = [row for row in rows if row["bench"] == "photographs" and (row["method"], row["peer"]) == pair[:2]]
    sides = {
        package: {row["subject"]: row for row in rows if row["package"] == package}
        for package in ("hybridmatte", pair.peer)
        if package is not None
    }
    subjects = sorted(set.intersection(*(set(cases) for cases in sides.values())))
    if not subjects:
        return None
    summary: Summary = {package: _summarise_side(cases, subjects) for package, cases in sides.items()}
    summary |= {"subjects": subjects, "ratios": []}
    if pair.peer is not None:
        summary["ratios"] = [
            sides[pair.peer][subject]["median_s"] / sides["hybridmatte"][subject]["median_s"] for subject in subjects
        ]
    direct = [row["error"]["direct"] for row in sides["hybridmatte"].values() if "direct" in row["error"]]
    summary["direct"], summary["n_direct"] = max(direct, default=None), len(direct)
    return summary


def summarise_pairs(rows: Sequence[Row]) -> list[tuple[Pair, Summary]]:
    """Return (pair, summary) of every pair with results."""
    summaries = [(pair, summarise_pair(rows, pair)) for pair in PAIRS]
    return [(pair, summary) for pair, summary in summaries if summary is not None]


def goals_of(pair: Pair, summary: Summary) -> list[Goal]:
    """Return the goals of a pair."""
    goals = []
    if pair.speed is not None:
        ratio = statistics.median(summary["ratios"])
        goals.append((f"speed ratio >= {pair.speed:g}", f"{ratio:.1f}", ratio >= pair.speed))
    if pair.accuracy is not None:
        for measure in ("sad", "mse"):
            for trimap, value in summary["hybridmatte"][measure].items():
                share = value / summary[pair.peer][measure][trimap]
                text = f"{measure.upper()} of the peer's, {trimap} <= {pair.accuracy:g}"
                goals.append((text, f"{share:.4f}", share <= pair.accuracy))
    if pair.sad is not None:
        for limit, (trimap, value) in zip(pair.sad, summary["hybridmatte"]["sad"].items(), strict=False):
            goals.append((f"SAD / 1000, {trimap} <= {limit}", f"{value / 1000:.3f}", value / 1000 <= limit))
    if summary["direct"] is not None:
        text = f"largest difference from the direct solve, {summary['n_direct']} images <= 1e-3"
        goals.append((text, f"{summary['direct']:.1e}", summary["direct"] <= 1e-3))
    return goals


def ratio_text(summary: Summary) -> str:
    """Return the median ratio and its range as text."""
    if not summary["ratios"]:
        return ""
    ratios = sorted(summary["ratios"])
    return f"{statistics.median(ratios):.1f} x ({ratios[0]:.1f} to {ratios[-1]:.1f})"


def _summarise_side(cases: dict[str, Row], subjects: Sequence[str]) -> dict[str, Any]:
    """Return means, median seconds, warnings and rounds of one side, and the mark of its rows."""
    rows = [cases[subject] for subject in subjects]
    return {
        "seconds": statistics.median(row["median_s"] for row in rows),
        "sad": _means(cases, subjects, "sad"),
        "mse": _means(cases, subjects, "mse"),
        "warned": sum(bool(row["warnings"]) for row in rows),
        "rounds": min(row["count"] for row in rows),
        "mark": mark(rows),
    }


def _means(cases: dict[str, Row], subjects: Sequence[str], measure: str) -> dict[str, float]:
    """Return {trimap: mean over images} of an error measure."""
    trimaps = sorted({subject.split()[1] for subject in subjects})
    return {
        trimap: statistics.mean(
            cases[subject]["error"][measure] for subject in subjects if subject.split()[1] == trimap
        )
        for trimap in trimaps
    }
