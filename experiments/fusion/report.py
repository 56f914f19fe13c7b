"""The page from the recorded result, and the block in the model card."""

from collections.abc import Sequence

import numpy as np

from experiments.fusion import AVERAGE, FUSION, ORACLE, VARIANTS
from experiments.fusion.choice import choice_tables
from experiments.fusion.doubts import doubt_table
from experiments.fusion.judged import clean_table, judged, methods_of, stress_table
from experiments.fusion.peers import peer_table, peers_of
from experiments.fusion.stress import STRESS_SETS
from experiments.results import Document, Row
from experiments.tables import mark, spread, table
from hybridmatte import METHODS

ERRORS = {"sad": "SAD / 1000", "mse": "MSE x 1000", "grad": "Grad / 1000"}
TRIMAPS = ("trimap1", "trimap2")
CHOICE_SETS = tuple(kind for kind in STRESS_SETS if kind != "part of another")  # which shows two photographs at once
ABOUT = (
    "The first twelve photographs alone, trimap1 / trimap2: means over them; of the fusion the mean and standard "
    "deviation over the seeds, each photograph scored by networks of four folds that have not seen it. Features and "
    "network were chosen by these figures, which are therefore too good."
)
JUDGED = (
    "Means over photographs, trimap1 / trimap2, with the standard deviation over the seeds in brackets. Each "
    "photograph is scored by networks that have learned from neither it nor its trimaps or composites. The last "
    "columns compare SAD with the better of information flow and sampling on the same photograph."
)
STRESS_TEXT = (
    "Stress sets: a scene of each photograph, scored by networks that have not seen the photograph. "
    "The first ratio is that of mean SAD to the better solver's (goal: at most 1.05), with the standard deviation "
    "over the seeds; the second is of the worst photograph to its own better solver (goal: at most 1.15)."
)
Found = dict[str, dict[str, dict[str, dict[str, Row]]]]  # {method: {trimap: {seed: {photograph: row}}}}


def report(document: Document) -> list[str]:
    """Return the unseen photographs, the stress sets, the doubts, and the twelve photographs with the ablation."""
    found = by_method(document["results"])
    return [
        *judged_tables(document),
        ABOUT,
        main_table(found),
        worst_line(found),
        *ablation_table(found, [FUSION, *VARIANTS]),
    ]


def report_card(document: Document) -> list[str]:
    """Return what the model card shows: unseen photographs, stress sets and doubts."""
    return judged_tables(document)


def judged_tables(document: Document) -> list[str]:
    """Return the tables of photographs that the networks have not seen; nothing if none were scored."""
    found = judged(document["results"])
    if not found:
        return []
    twelve = sorted({row["subject"].split(" ")[0] for row in document["results"] if row["method"] == ORACLE})
    eight = sorted({name for part in found.values() for name in part.rows} - set(twelve))
    tables = [JUDGED]
    for protocol, photographs, about in (
        (
            "eight",
            eight,
            "The former weights, of the twelve, on the eight; nothing was chosen by these figures:",
        ),
        ("sets", eight, "Learned from the twelve, scored on the eight; nothing was chosen by these figures:"),
        ("sets", twelve, "Learned from the eight, scored on the twelve that features and network were chosen on:"),
        ("folds", [*twelve, *eight], "All twenty, in five folds of four:"),
    ):
        if methods_of(found, protocol):
            peers = peers_of(found)
            tables += [
                about,
                clean_table(found, protocol, photographs, peers),
                *peer_table(found, protocol, photographs),
            ]
    groups = [
        ("Chosen on the twelve, reported on the eight:", twelve, eight),
        ("Chosen on the eight, reported on the twelve:", eight, twelve),
    ]
    tables += [*choice_tables(found, CHOICE_SETS, groups), STRESS_TEXT]
    for protocol, about in (("eight", "The former weights on the eight:"), ("folds", "All twenty, in five folds:")):
        if methods_of(found, protocol):
            tables += [about, stress_table(found, STRESS_SETS, protocol)]
    return [*tables, *doubt_table(document["results"])]


def by_method(rows: Sequence[Row]) -> Found:
    """Return the rows by method, trimap, seed and photograph."""
    found = {}
    for row in rows:
        if "set" in row or "doubts" in row:  # of other tables
            continue
        name, trimap, *seed = row["subject"].split(" ", 2)
        seeds = found.setdefault(row["method"], {}).setdefault(trimap, {})
        seeds.setdefault(seed[0] if seed else "", {})[name] = row
    return found


def means(found: Found, method: str, trimap: str, key: str) -> list[float]:
    """Return the means over photographs of a method's error, one a seed, of seeds that scored all."""
    most = max(map(len, found["cf"][trimap].values()))
    runs = [run for run in found[method].get(trimap, {}).values() if len(run) == most]
    return [float(np.mean([row["error"][key] for row in run.values()])) for run in runs]


def best_solver(found: Found, trimap: str, key: str) -> tuple[float, str]:
    """Return the least mean error of a single solver, and its name."""
    return min((means(found, name, trimap, key)[0], name) for name in METHODS if name in found)


def main_table(found: Found) -> str:
    """Return each solver, their average, the oracle and the fusion, and its ratio to the best solver."""
    recorded = [name for name in METHODS if name in found]
    lines = [error_line(found, name) for name in [*recorded, AVERAGE, ORACLE, FUSION]]
    ratios = [
        " / ".join(
            f"{np.mean(means(found, FUSION, trimap, key)) / best_solver(found, trimap, key)[0]:.2f}"
            for trimap in TRIMAPS
        )
        for key in ERRORS
    ]
    return table(["method", *ERRORS.values()], [*lines, [f"{FUSION} over the best single solver", *ratios]])


def worst_line(found: Found) -> str:
    """Return how the fusion compares with each photograph's own best solver, by SAD, mean over seeds."""
    ratios = {}
    for trimap in TRIMAPS:
        for name in next(iter(found["cf"][trimap].values())):
            fused = np.mean([run[name]["error"]["sad"] for run in found[FUSION][trimap].values() if name in run])
            best = min(found[method][trimap][""][name]["error"]["sad"] for method in METHODS if method in found)
            ratios[f"{name} {trimap}"] = fused / best
    above = {name: ratio for name, ratio in ratios.items() if ratio > 1.1}
    named = ", ".join(f"{name} {ratio:.2f}" for name, ratio in sorted(above.items(), key=lambda pair: -pair[1]))
    return (
        f"Against each photograph's own best of the eight solvers, by SAD: from {min(ratios.values()):.2f} to "
        f"{max(ratios.values()):.2f}; more than 10% worse: {named or 'none'}."
    )


def ablation_table(found: Found, variants: Sequence[str]) -> list[str]:
    """Return those of the variants that were scored, nothing if there are none."""
    lines = []
    for name in variants:
        if name in found:
            label, *cells = error_line(found, name)
            lines.append([label, len(means(found, name, TRIMAPS[0], "sad")), *cells])
    return [table(["networks", "seeds", *ERRORS.values()], lines)] if lines else []


def error_line(found: Found, method: str) -> list[str]:
    """Return a method's cells: its name, and each error with both trimaps."""
    rows = [row for seeds in found[method].values() for run in seeds.values() for row in run.values()]
    return [
        method + mark(rows),
        *(" / ".join(spread(means(found, method, trimap, key)) for trimap in TRIMAPS) for key in ERRORS),
    ]
