"""The tables of the README from result.json."""

import json
from pathlib import Path

from experiments.common import spread, write_block

TRIMAP = {"accuracy": ("accuracy", 1.0), "iou_background": ("background IoU", 1.0), "iou_unknown": ("unknown IoU", 1.0),
          "iou_foreground": ("foreground IoU", 1.0), "iou": ("mean IoU", 1.0)}
ALPHA = {"sad": ("SAD", 1e-3), "mse": ("MSE x 1000", 1e3), "gradient_error": ("Grad", 1e-3),
         "connectivity_error": ("Conn", 1e-3), "sad_t": ("SAD-T", 1e-3), "iou": ("IoU", 1.0)}
TITLES = {"trimap": ("trimaps, segmentation eroded by", TRIMAP), "alpha": ("alphas, segmentation eroded by", ALPHA),
          "given trimap": ("alphas with the true trimap", ALPHA), "real, people": ("held-out people", ALPHA),
          "real, portraits": ("portraits", ALPHA)}


def write_report(folder):
    """Write a table a question into README.md."""
    document = json.loads(Path(folder, "result.json").read_text(encoding="utf-8"))
    about, tables = document["metadata"], {}
    for row in document["results"]:
        title, method = row["method"].split(": ")
        eroded = int(row["subject"].split()[-1])
        tables.setdefault(title, {}).setdefault((method, eroded), []).append(row["error"])
    lines = [f"Latest run: commit {about['commit']}, {about['date']}. Of the means over images, mean and standard "
             "deviation over the seeds, each of which scores another third of the twelve."]
    for title, (words, columns) in TITLES.items():
        if title in tables:
            lines += ["", *table(words, columns, tables[title])]
    write_block(Path(folder, "README.md"), lines)


def table(words, columns, found):
    """Return the lines of one table."""
    names = [name for name in columns if any(name in errors for runs in found.values() for errors in runs)]
    lines = [f"| {words} | seeds | {' | '.join(columns[name][0] for name in names)} |",
             "| --- | --- |" + " --- |" * len(names)]
    for (method, eroded), runs in found.items():
        cells = [spread([errors[name] * columns[name][1] for errors in runs]) for name in names]
        lines.append(f"| {method}{f', {eroded}' if eroded else ''} | {len(runs)} | {' | '.join(cells)} |")
    return lines
