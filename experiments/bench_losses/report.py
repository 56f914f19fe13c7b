"""Tables from result.json, written into the README."""

import json

from experiments.bench_losses.forms import FOLDER, FORMS
from experiments.common import write_block


def write_report():
    """Replace the results in README.md by those of result.json."""
    document = json.loads((FOLDER / "result.json").read_text(encoding="utf-8"))
    write_block(FOLDER / "README.md", make_report(document).strip().splitlines())


def make_report(document):
    """Return the tables in Markdown."""
    about, rows = document["metadata"], document["results"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    lines = [f"Latest run: commit {about['commit']}, {about['date']}, {about['processor']}, {about['threads']} "
             f"threads; {versions}.", "",
             "| loss | form | ms, both passes | times faster | MiB added | of the unfolded | gradient differs |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    compared = [row for row in rows if row["bench"] == "memory"]
    for row in compared:
        key = row["method"], row["subject"]
        timed = {other["form"]: other for other in rows if other["bench"] == "time"
                 and (other["method"], other["subject"]) == key}
        added = {other["form"]: other["added_mib"] for other in compared if (other["method"], other["subject"]) == key}
        own, slow = timed[row["form"]], timed[FORMS[-1]]
        lines.append(f"| {row['method']} | {row['form']} | {1000 * own['median_s']:.1f} "
                     f"| {slow['median_s'] / own['median_s']:.0f} | {row['added_mib']:.0f} "
                     f"| {row['added_mib'] / added[FORMS[-1]]:.3f} | {own['error']['gradient']:.1e} |")
    lines += ["", "| subject | form | ms | ns a pixel |", "| --- | --- | --- | --- |"]
    ours = [row for row in rows if row["bench"] == "time" and row["method"] == "affinity_loss"
            and row["form"] != FORMS[-1]]
    for row in sorted(ours, key=lambda row: (row["form"], row["size"][0] * row["size"][2] ** 2)):
        pixels = row["size"][0] * row["size"][2] * row["size"][3]
        lines.append(f"| {row['subject']} | {row['form']} | {1000 * row['median_s']:.1f} "
                     f"| {1e9 * row['median_s'] / pixels:.0f} |")
    return "\n".join([*lines, "", "On a GPU: not measured.", ""])
