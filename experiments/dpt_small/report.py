"""The page from the recorded result."""

import numpy as np

from experiments.dpt_small.curves import Curves, fine_tuning, pre_training, sads
from experiments.results import Document
from experiments.tables import mark, seed_table, spread, table


def report(document: Document) -> list[str]:
    """Return error against steps, the steps that each start saves, and the errors of pre-training."""
    found = fine_tuning(document)
    steps = sorted({step for curve in found.values() for step in curve})
    lines = []
    for name, curve in found.items():
        last, rows = curve[max(curve)], [row for found in curve.values() for row in found]
        cells = [spread(sads(curve[step])) if step in curve else "" for step in steps]
        lines.append(
            [
                name + mark(rows),
                len(last),
                *cells,
                spread([1000 * row["error"]["mse_t"] for row in last]),
                steps_to_random(found, name),
            ]
        )
    header = ["start", "seeds", *(f"{step} steps" for step in steps), "MSE-T x 1000, last", "steps to random's last"]
    return [
        "SAD-T / 1000 over the twelve photographs, each scored by a network that has not seen its foreground: mean "
        "and standard deviation over the seeds.",
        table(header, lines),
        "![Error against steps](dpt_small_curves.png)",
        "Mean absolute error of alpha over the last 150 steps of pre-training. A constant 0.5 has 0.25.",
        seed_table("pre-training", {"l1": ("error of alpha", 1.0)}, pre_training(document)),
    ]


def steps_to_random(found: Curves, name: str) -> str:
    """Return the first scored step from which on a start is as good as the random one's last, or a dash."""
    random = found.get(f"{name.split(':')[0]}: random")
    if random is None:
        return "-"
    goal = np.mean(sads(random[max(random)]))
    reached = "-"
    for step, rows in sorted(found[name].items(), reverse=True):
        if np.mean(sads(rows)) > goal:
            break
        reached = str(step)
    return reached
