"""The page from the recorded result."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from experiments.results import Document, Row
from experiments.tables import mark, spread, table
from experiments.video import CONTROL, CUT, FAST, METHODS, SEQUENCE, TIMED_METHODS, UNSMOOTHED

COLUMNS = {  # of the errors: heading and factor
    "sad": ("SAD / 1000", 1e-3),
    "mse": ("MSE x 1000", 1e3),
    "dtssd": ("dtSSD x 100", 1e2),
    "messddt": ("MESSDdt x 1000", 1e3),
    "iterations": ("iterations", 1),
    "cpu_s": ("CPU seconds", 1),
}
TIME = ", time"
GOALS = (  # error, spacing, spacing of the rows that it is divided by, method of these (None: the same), goal
    ("dtssd", 1, 1, CONTROL, 0.6),
    ("sad", 1, 1, CONTROL, 1.0),
    ("iterations", 1, 1, CONTROL, 0.5),
    ("cpu_s", 1, 1, CONTROL, 0.67),
    ("sad", 15, 1, None, 1.25),
)
Found = Mapping[tuple[str, int], Mapping[str, Row]]  # rows by method and spacing, then by clip


def report(document: Document) -> list[str]:
    """Return the tables of the clips, the goals, the clips with a cut and the time."""
    timed = [row for row in document["results"] if row["subject"].endswith(TIME)]
    scored = [row for row in document["results"] if not row["subject"].endswith(TIME)]
    groups = {
        "Photographs": [row for row in scored if row["subject"].startswith("GT") and not row["subject"].endswith(CUT)],
        "Drawn hair": [row for row in scored if row["subject"].startswith("hair") and not row["subject"].endswith(CUT)],
        "Clips with a cut in the middle": [row for row in scored if row["subject"].endswith(CUT)],
    }
    blocks = [
        "Means over the clips, with the standard deviation over the clips in brackets. Errors are over all pixels of "
        "each frame, means over the frames. Iterations are those of all linear systems of a frame, seconds those of "
        "all threads for a frame. `key frames` is the number of frames from one true trimap to the next."
    ]
    for title, rows in groups.items():
        if rows:
            found = by_method(rows)
            blocks += [
                f"## {title}",
                *describe_clips(rows),
                error_table(found),
                *goal_table(found),
                *moved_floor(found),
            ]
    if timed:
        blocks += ["## Time", *time_table(timed)]
    return blocks


def by_method(rows: Iterable[Row]) -> Found:
    """Return the rows by method and spacing, in the order of the methods, then by clip."""
    found: dict[tuple[str, int], dict[str, Row]] = {}
    order = {method: number for number, method in enumerate(METHODS)}
    for row in sorted(rows, key=lambda row: (order.get(row["method"], len(order)), row["spacing"])):
        found.setdefault((row["method"], row["spacing"]), {})[row["subject"]] = row
    return found


def describe_clips(rows: Sequence[Row]) -> list[str]:
    """Return which clips the rows are of."""
    names = sorted({row["subject"].removesuffix(CUT) for row in rows})
    sizes = sorted({tuple(row["size"]) for row in rows})
    what = "; ".join(f"{count} frames of {width} x {height} pixels" for count, height, width in sizes)
    return [f"{len(names)} clips ({', '.join(names)}), each {what}."]


def error_table(found: Found) -> str:
    """Return the table of means with their spread."""
    lines = []
    for (method, spacing), rows in found.items():
        errors = [row["error"] for row in rows.values()]
        cells = [
            spread([factor * error[key] for error in errors if key in error]) for key, (_, factor) in COLUMNS.items()
        ]
        lines.append([method + mark(list(rows.values())), spacing, len(rows), *cells])
    return table(["method", "key frames", "clips", *(heading for heading, _ in COLUMNS.values())], lines)


def goal_table(found: Found) -> list[str]:
    """Return the ratios that have goals: of means, and their median and range over the clips."""
    lines = []
    for method in (SEQUENCE, UNSMOOTHED, FAST):
        for key, spacing, base_spacing, base, goal in GOALS:
            base = base or method
            above, below = found.get((method, spacing), {}), found.get((base, base_spacing), {})
            names = sorted({*above} & {*below})
            if names:
                pairs = np.array([[rows[name]["error"][key] for name in names] for rows in (above, below)])
                heading = f"{method}: {COLUMNS[key][0].split(' / ')[0].split(' x ')[0]}, key frames {spacing}"
                lines.append([heading, f"{base}, key frames {base_spacing}", *ratio_cells(*pairs, goal)])
    header = ["method and figure", "divided by", "ratio of means", "median over clips (range)", "goal, at most", ""]
    return [table(header, lines)] if lines else []


def moved_floor(found: Found) -> list[str]:
    """Return what dtSSD would be if the errors of the control only moved with the picture."""
    errors = [row["error"] for row in found.get((CONTROL, 1), {}).values() if "dtssd_moved" in row["error"]]
    if not errors:
        return []
    moved, all_of_it = (np.mean([error[key] for error in errors]) for key in ("dtssd_moved", "dtssd"))
    return [
        f"dtSSD compares pixels in place, so errors that only move with the picture count too: if the errors of "
        f'"{CONTROL}" did only that, its dtSSD x 100 would be {100 * moved:.2f} and not {100 * all_of_it:.2f}, a ratio '
        f"of {moved / all_of_it:.2f} ({len(errors)} clips). MESSDdt follows the motion."
    ]


def ratio_cells(above: np.ndarray, below: np.ndarray, goal: float) -> list[str]:
    """Return the ratio of two means, the median and range of the ratios, the goal, and whether it is met."""
    ratio, each = above.mean() / below.mean(), above / below
    over_clips = f"{np.median(each):.2f} ({each.min():.2f} to {each.max():.2f})"
    return [f"{ratio:.2f}", over_clips, f"{goal:g}", "met" if ratio <= goal else "missed"]


def time_table(rows: Sequence[Row]) -> list[str]:
    """Return the frames a second of the methods, and the ratios to those of the control."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(row["subject"].removesuffix(TIME), {})[row["method"]] = row
    lines = []
    for name, pair in found.items():
        if set(TIMED_METHODS) <= {*pair}:
            rates = [1 / pair[method]["median_s"] for method in TIMED_METHODS]
            cells = [f"{rate:.2f}" for rate in rates] + [f"{rate / rates[0]:.2f}" for rate in rates[1:]]
            lines.append([name + mark(list(pair.values())), *cells])
    count, height, width = rows[0]["size"]
    about = f"Frames a second, medians of {rows[0]['count']} runs over {count} frames of {width} x {height} pixels:"
    return [about, table(["clip", *TIMED_METHODS, "ratio (goal: at least 1.5)", "ratio, fast"], lines)]
