"""The recorded errors, by start and step."""

from experiments.results import Document, Row

PRETRAINING = "pre-training, "
Curves = dict[str, dict[int, list[Row]]]  # {start: {step: rows of the seeds}}


def fine_tuning(document: Document) -> Curves:
    """Return the rows of fine-tuning, by start and step."""
    found = {}
    for row in document["results"]:
        if not row["method"].startswith(PRETRAINING):
            step = int(row["subject"].split()[-1])
            found.setdefault(row["method"], {}).setdefault(step, []).append(row)
    return found


def pre_training(document: Document) -> dict[str, list[Row]]:
    """Return the rows of pre-training, by network and variant."""
    found = {}
    for row in document["results"]:
        if row["method"].startswith(PRETRAINING):
            found.setdefault(row["method"].removeprefix(PRETRAINING), []).append(row)
    return dict(sorted(found.items()))


def sads(rows: list[Row]) -> list[float]:
    """Return SAD / 1000 over the unknown region, one a seed."""
    return [row["error"]["sad_t"] / 1000 for row in rows]
