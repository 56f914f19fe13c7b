"""The table of the README, and the model card beside the weights."""

import json
from pathlib import Path

from experiments.common import seed_table, write_block

COLUMNS = {"mse": "MSE x 1000", "mad": "MAD x 1000", "iou": "IoU", "empty": "nothing found"}
LABELS = {"portraits": "portraits (6, alphas that a published network predicted)",
          "people": "people (40, coarse masks)", "street": "people in streets (40, coarse masks)",
          "photographs": "photographs (200, labelled as showing nobody, which a few do)"}


def write_report(folder, weights):
    """Write the table into README.md and, if there are weights, into their card."""
    document = json.loads(Path(folder, "result.json").read_text(encoding="utf-8"))
    about, found = document["metadata"], {}
    for row in document["results"]:
        subject, way = row["method"].split(", ")
        found.setdefault(f"{LABELS[subject]}, {way}", []).append(row["error"])
    lines = [f"Latest run: commit {about['commit']}, {about['date']}. Means over images; of these, mean and standard "
             "deviation over the seeds. The first seed's network is the one in the package.", "",
             *seed_table("scored on", COLUMNS, found)]
    for path in (Path(folder, "README.md"), Path(weights, "README.md")):
        write_block(path, lines)
