"""The table of the README, and the model card beside the weights."""

import json
from pathlib import Path

from experiments.common import spread, write_block

COLUMNS = {"mse": "MSE x 1000", "mad": "MAD x 1000", "iou": "IoU", "empty": "nothing found"}
LABELS = {"portraits": "portraits (6, alphas that a published network predicted)",
          "people": "people (40, coarse masks)", "street": "people in streets (40, coarse masks)",
          "photographs": "photographs (200, labelled as showing nobody, which a few do)"}


def write_report(folder, weights):
    """Write the table into README.md and, if there are weights, into their card."""
    document = json.loads(Path(folder, "result.json").read_text(encoding="utf-8"))
    about, found = document["metadata"], {}
    for row in document["results"]:
        found.setdefault(row["method"], []).append(row["error"])
    lines = [f"Latest run: commit {about['commit']}, {about['date']}. Means over images; of these, mean and standard "
             "deviation over the seeds. The first seed's network is the one in the package.", "",
             f"| scored on | seeds | {' | '.join(COLUMNS.values())} |", "| --- | --- |" + " --- |" * len(COLUMNS)]
    for name, runs in found.items():
        cells = [spread([errors[column] for errors in runs]) for column in COLUMNS]
        subject, way = name.split(", ")
        lines.append(f"| {LABELS[subject]}, {way} | {len(runs)} | {' | '.join(cells)} |")
    for path in (Path(folder, "README.md"), Path(weights, "README.md")):
        write_block(path, lines)
