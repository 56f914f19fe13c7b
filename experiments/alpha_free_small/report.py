"""The tables of the README from result.json."""

import json
from pathlib import Path

from experiments.common import spread, write_block

COLUMNS = {"sad": ("SAD", 1e-3), "mad": ("MAD", 1.0), "mse": ("MSE", 1.0), "gradient_error": ("Grad", 1e-3),
           "connectivity_error": ("Conn", 1e-3), "sad_t": ("SAD-T", 1e-3), "mse_t": ("MSE-T", 1.0),
           "softness": ("softness", 1.0), "sad_t_matched": ("SAD-T, softness matched", 1e-3)}


def write_report(folder, policies):
    """Write the means and standard deviations over seeds into README.md, a table a setting."""
    document = json.loads(Path(folder, "result.json").read_text(encoding="utf-8"))
    about = document["metadata"]
    lines = [f"Latest run: commit {about['commit']}, {about['date']}. Means over the twelve images; of these, mean and "
             "standard deviation over the seeds.", ""]
    settings = {}
    for row in document["results"]:
        policy, setting = row["method"].split(", ", 1)
        steps = int(row["subject"].split()[0])
        settings.setdefault((setting, steps), {}).setdefault(policy, []).append(row["error"])
    for (setting, steps), found in sorted(settings.items()):
        lines += table(f"{setting}, {steps} steps", {policy: found[policy] for policy in policies if policy in found})
    write_block(Path(folder, "README.md"), lines[:-1])


def table(title, found):
    """Return the lines of one table, a row a policy."""
    names = [name for name in COLUMNS if any(name in errors for runs in found.values() for errors in runs)]
    headers = " | ".join(COLUMNS[name][0] for name in names)
    lines = [f"| {title} | seeds | {headers} |", "| --- | --- |" + " --- |" * len(names)]
    for policy, runs in found.items():
        cells = (spread([errors[name] * COLUMNS[name][1] for errors in runs if name in errors]) for name in names)
        lines.append(f"| {policy} | {len(runs)} | {' | '.join(cells)} |")
    return [*lines, ""]
