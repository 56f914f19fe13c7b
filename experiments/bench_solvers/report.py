"""The page from the recorded result."""

from collections.abc import Sequence

from experiments.bench_solvers.summary import goals_of, ratio_text, summarise_pairs
from experiments.results import Document, Row
from experiments.tables import mark, table

NOTE = (
    "Unknown region; means over images, trimap1 / trimap2. Median seconds over the cases; the ratio is the median "
    "over the cases of the peer's time over ours, run in turn in one process. `warned` counts cases with warnings."
)


def report(document: Document) -> list[str]:
    """Return the tables of photographs, goals, large images and starting."""
    rows = document["results"]
    parts = [
        ("Photographs", [NOTE, "![Speed ratios](bench_solvers_speed.png)"], photographs(rows)),
        ("Goals", [], goals(rows)),
        ("Large images", [], mosaics(rows)),
        ("Starting", [], startup(rows)),
    ]
    blocks = []
    for title, texts, lines in parts:
        if len(lines) > 1:
            blocks += [f"## {title}", *texts, table(lines[0], lines[1:])]
    return blocks


def photographs(rows: Sequence[Row]) -> list[list]:
    """Return the table of accuracy and time, ours and the peer's one below the other."""
    lines: list[list] = [
        [
            "method",
            "package",
            "SAD / 1000",
            "MSE x 1000",
            "median s",
            "speed ratio (least to most)",
            "rounds",
            "warned",
            "cases",
        ]
    ]
    for pair, summary in summarise_pairs(rows):
        for package in filter(None, ("hybridmatte", pair.peer)):
            side = summary[package]
            errors = [
                " / ".join(f"{value * scale:.{digits}f}" for value in side[measure].values())
                for measure, scale, digits in (("sad", 1e-3, 3), ("mse", 1e3, 2))
            ]
            ratio = ratio_text(summary) if package == "hybridmatte" else ""
            lines.append(
                [
                    pair.method,
                    package + side["mark"],
                    *errors,
                    f"{side['seconds']:.3f}",
                    ratio,
                    side["rounds"],
                    side["warned"],
                    len(summary["subjects"]),
                ]
            )
    return lines


def goals(rows: Sequence[Row]) -> list[list]:
    """Return the table of goals."""
    lines = [
        [pair.method, pair.peer or "", *_verdict(*goal)]
        for pair, summary in summarise_pairs(rows)
        for goal in goals_of(pair, summary)
    ]
    found = {pair.method: summary for pair, summary in summarise_pairs(rows) if pair.peer in ("PyMatting", None)}
    if "nonlocal" in found and "cf" in found:
        for trimap, value in found["nonlocal"]["hybridmatte"]["sad"].items():
            share = value / found["cf"]["hybridmatte"]["sad"].get(trimap, float("nan"))
            lines.append(
                [
                    "nonlocal",
                    "our cf",
                    *_verdict(f"SAD of closed form's, {trimap} <= 1.1", f"{share:.3f}", share <= 1.1),
                ]
            )
    return [["method", "against", "goal", "reached", "met"], *lines, *_mosaic_goals(rows), *_import_goals(rows)]


def mosaics(rows: Sequence[Row]) -> list[list]:
    """Return the table of large images."""
    lines = [
        [
            "method",
            "package",
            "mosaic",
            "pixels",
            "unknown",
            "s",
            "microseconds / unknown",
            "peak MiB",
            "above inputs MiB",
        ]
    ]
    for row in rows:
        if row["bench"] == "mosaic":
            lines.append(
                [
                    row["method"],
                    row["package"] + mark([row]),
                    row["subject"],
                    " x ".join(map(str, row["size"])),
                    f"{row['unknown']:,}",
                    f"{row['median_s']:.2f}",
                    f"{1e6 * row['median_s'] / row['unknown']:.2f}",
                    f"{row['peak_mib']:,.0f}",
                    f"{row['added_mib']:,.0f}",
                ]
            )
    return lines


def startup(rows: Sequence[Row]) -> list[list]:
    """Return the table of import and compilation times."""
    lines = [
        [f"`{row['method']}`{mark([row])}", f"{row['median_s']:.3f}", ""] for row in rows if row["bench"] == "import"
    ]
    lines += [
        [f"first call of {row['method']}{mark([row])}", f"{row['median_s']:.1f}", f"{row['cached_first_s']:.2f}"]
        for row in rows
        if row["bench"] == "compile"
    ]
    return [["what", "s, nothing compiled yet", "s, kernels on disk"], *lines]


def _mosaic_goals(rows: Sequence[Row]) -> list[list]:
    """Return the goals of closed form on large images."""
    found = {(row["package"], row["subject"]): row for row in rows if (row["bench"], row["method"]) == ("mosaic", "cf")}
    lines = []
    mine, peer = found.get(("hybridmatte", "6 MP")), found.get(("PyMatting", "6 MP"))
    if mine and peer:
        ratio, memory = peer["median_s"] / mine["median_s"], mine["peak_mib"] / peer["peak_mib"]
        lines.append(["cf", "PyMatting", *_verdict("speed ratio at 6 MP >= 8", f"{ratio:.1f}", ratio >= 8)])
        lines.append(["cf", "PyMatting", *_verdict("peak memory at 6 MP <= 0.25", f"{memory:.3f}", memory <= 0.25)])
    small, large = found.get(("hybridmatte", "1.5 MP")), found.get(("hybridmatte", "24 MP"))
    if small and large:
        ratio = large["median_s"] / large["unknown"] / (small["median_s"] / small["unknown"])
        lines.append(
            ["cf", "itself", *_verdict("time per unknown pixel, 24 MP / 1.5 MP <= 1.5", f"{ratio:.2f}", ratio <= 1.5)]
        )
    return lines


def _import_goals(rows: Sequence[Row]) -> list[list]:
    """Return the goals of the import."""
    return [
        ["import", "", *_verdict(f"{row['method']}, s <= 0.5", f"{row['median_s']:.3f}", row["median_s"] <= 0.5)]
        for row in rows
        if row["bench"] == "import"
    ]


def _verdict(goal: str, reached: str, is_met: bool) -> list[str]:
    """Return the cells of a goal."""
    return [goal, reached, "yes" if is_met else "**no**"]
