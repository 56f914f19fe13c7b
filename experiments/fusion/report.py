"""The tables of the README, and the model card beside the weights."""

import json
from pathlib import Path

import numpy as np

from experiments.common import spread, write_block
from experiments.fusion.scoring import AVERAGE, FUSION, ORACLE
from hybridmatte import METHODS

ERRORS = {"sad": "SAD / 1000", "mse": "MSE x 1000", "grad": "Grad / 1000"}
TRIMAPS = ("trimap1", "trimap2")


def write_report(folder, weights, variants):
    """Write the tables, variants in the last, into README.md and, if there are weights, the first into their card."""
    document = json.loads(Path(folder, "result.json").read_text(encoding="utf-8"))
    about, found = document["metadata"], by_method(document["results"])
    head = [f"Latest run: commit {about['commit']}, {about['date']}. Means over the twelve photographs, trimap1 / "
            "trimap2; of the fusion the mean and standard deviation over the seeds, each photograph scored by "
            "networks that have not seen it."]
    main = main_table(found)
    worst = worst_lines(found)
    write_block(Path(folder, "README.md"), [*head, "", *main, "", *worst, *ablation_table(found, variants)])
    if Path(weights, "README.md").exists():
        write_block(Path(weights, "README.md"), [*head, "", *main, "", *worst])


def by_method(rows):
    """Return ``{method: {trimap: {seed: {photograph: errors}}}}``."""
    found = {}
    for row in rows:
        name, trimap, *seed = row["subject"].split(" ", 2)
        seeds = found.setdefault(row["method"], {}).setdefault(trimap, {})
        seeds.setdefault(seed[0] if seed else "", {})[name] = row["error"]
    return found


def means(found, method, trimap, key):
    """Return the means over photographs of a method's error, one a seed, of seeds that scored all."""
    most = max(map(len, found["cf"][trimap].values()))
    return [np.mean([errors[key] for errors in run.values()]) for run in found[method].get(trimap, {}).values()
            if len(run) == most]


def best_solver(found, trimap, key):
    """Return the least mean error of a single solver, and its name."""
    return min((means(found, name, trimap, key)[0], name) for name in METHODS)


def main_table(found):
    """Return each solver, their average, the oracle and the fusion, and its ratio to the best solver."""
    lines = [f"| method | {' | '.join(ERRORS.values())} |", "| --- |" + " --- |" * len(ERRORS)]
    for name in [*METHODS, AVERAGE, ORACLE, FUSION]:
        cells = [" / ".join(spread(means(found, name, trimap, key)) for trimap in TRIMAPS) for key in ERRORS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    cells = [" / ".join(f"{np.mean(means(found, FUSION, trimap, key)) / best_solver(found, trimap, key)[0]:.2f}"
                        for trimap in TRIMAPS) for key in ERRORS]
    return [*lines, f"| {FUSION} over the best single solver | {' | '.join(cells)} |"]


def worst_lines(found):
    """Return how the fusion compares with each photograph's own best solver, by SAD, mean over seeds."""
    ratios = {}
    for trimap in TRIMAPS:
        for name in next(iter(found["cf"][trimap].values())):
            fused = np.mean([run[name]["sad"] for run in found[FUSION][trimap].values() if name in run])
            ratios[f"{name} {trimap}"] = fused / min(found[method][trimap][""][name]["sad"] for method in METHODS)
    above = {name: ratio for name, ratio in ratios.items() if ratio > 1.1}
    named = ", ".join(f"{name} {ratio:.2f}" for name, ratio in sorted(above.items(), key=lambda pair: -pair[1]))
    return [f"Against each photograph's own best of the eight solvers, by SAD: from {min(ratios.values()):.2f} to "
            f"{max(ratios.values()):.2f}; more than 10% worse: {named or 'none'}."]


def ablation_table(found, variants):
    """Return those of the variants that were scored, nothing if there are none."""
    names = [name for name in variants if name in found]
    if not names:
        return []
    lines = ["", f"| networks | seeds | {' | '.join(ERRORS.values())} |",
             "| --- | --- |" + " --- |" * len(ERRORS)]
    for name in names:
        cells = [" / ".join(spread(means(found, name, trimap, key)) for trimap in TRIMAPS) for key in ERRORS]
        lines.append(f"| {name} | {len(means(found, name, TRIMAPS[0], 'sad'))} | {' | '.join(cells)} |")
    return lines
