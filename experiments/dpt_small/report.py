"""The tables and curves of the README from result.json."""

import json
from pathlib import Path

import numpy as np

from experiments.common import spread, write_block

PRETRAINING = "pre-training, "


def curves(folder):
    """Return ``{start: {step: [(SAD-T, MSE-T) a seed]}}``, ``{pre-training: [L1 a seed]}`` and the metadata."""
    document = json.loads(Path(folder, "result.json").read_text(encoding="utf-8"))
    found, errors = {}, {}
    for row in document["results"]:
        if row["method"].startswith(PRETRAINING):
            errors.setdefault(row["method"].removeprefix(PRETRAINING), []).append(row["error"]["l1"])
            continue
        step = int(row["subject"].split()[-1])
        pair = row["error"]["sad_t"] / 1000, row["error"]["mse_t"] * 1000
        found.setdefault(row["method"], {}).setdefault(step, []).append(pair)
    return found, errors, document["metadata"]


def write_report(folder):
    """Write error against steps, the steps that each start saves, and the errors of pre-training into README.md."""
    found, learned, about = curves(folder)
    steps = sorted({step for curve in found.values() for step in curve})
    header = [*(f"{step} steps" for step in steps), "MSE-T x 1000, last", "steps to random's last"]
    lines = [f"Latest run: commit {about['commit']}, {about['date']}. SAD-T / 1000 over the twelve photographs, each "
             "scored by a network that has not seen its foreground: mean and standard deviation over the seeds.", "",
             f"| start | seeds | {' | '.join(header)} |", "| --- | --- |" + " --- |" * len(header)]
    for name, curve in found.items():
        cells = [spread([errors[0] for errors in curve[step]]) if step in curve else "" for step in steps]
        last = spread([errors[1] for errors in curve[max(curve)]])
        seeds = len(curve[max(curve)])
        lines.append(f"| {name} | {seeds} | {' | '.join(cells)} | {last} | {steps_to_random(found, name)} |")
    lines += ["", "| pre-training | seeds | L1 of alpha, last 150 steps (0.25: nothing learned) |",
              "| --- | --- | --- |"]
    lines += [f"| {name} | {len(errors)} | {spread(errors)} |" for name, errors in sorted(learned.items())]
    write_block(Path(folder, "README.md"), lines)


def steps_to_random(found, name):
    """Return the first scored step from which on a start is as good as the random one's last, or a dash."""
    random = found.get(f"{name.split(':')[0]}: random")
    if random is None:
        return "-"
    goal = np.mean([errors[0] for errors in random[max(random)]])
    reached = "-"
    for step, errors in sorted(found[name].items(), reverse=True):
        if np.mean(errors, axis=0)[0] > goal:
            break
        reached = str(step)
    return reached


def draw_curves(folder):
    """Write the curves of error against steps as a picture, a panel a network."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    found, _, _ = curves(folder)
    networks = list(dict.fromkeys(name.split(": ")[0] for name in found))
    figure, panels = pyplot.subplots(1, len(networks), figsize=(6 * len(networks), 5.5), sharey=True, squeeze=False)
    for network, axes in zip(networks, panels[0], strict=True):
        for name, curve in found.items():
            if name.startswith(f"{network}: "):
                steps = sorted(curve)
                values = [[errors[0] for errors in curve[step]] for step in steps]
                axes.errorbar(steps, [np.mean(v) for v in values], [np.std(v) for v in values], capsize=2,
                              label=name.removeprefix(f"{network}: "))
        axes.set(title=network, xlabel="steps of fine-tuning", ylabel="SAD-T / 1000", yscale="log")
        axes.legend(fontsize=8, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.12))
    figure.tight_layout()
    figure.savefig(Path(folder, "curves.png"), dpi=100)
    pyplot.close(figure)
