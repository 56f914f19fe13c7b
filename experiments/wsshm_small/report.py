"""The tables of the README from result.json."""

import json
from pathlib import Path

from experiments.common import seed_table, write_block

COLUMNS = {"portraits_whole": "portraits, whole", "portraits_boundary": "portraits, boundary",
           "people_whole": "held-out people, whole"}


def write_report(folder):
    """Write a table a question into README.md."""
    document = json.loads(Path(folder, "result.json").read_text(encoding="utf-8"))
    about, tables = document["metadata"], {}
    for row in document["results"]:
        title, name = row["method"].split(": ", 1)
        tables.setdefault(title, {}).setdefault(name, []).append(row["error"])
    lines = [f"Latest run: commit {about['commit']}, {about['date']}. MSE x 1000, means over images; of these, mean "
             "and standard deviation over the seeds."]
    for title, found in tables.items():
        lines += ["", *seed_table(title, COLUMNS, found)]
    write_block(Path(folder, "README.md"), lines)
