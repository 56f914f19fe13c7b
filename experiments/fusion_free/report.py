"""The page from the recorded result, and the block in the model card."""

from collections.abc import Sequence

from experiments.fusion.doubts import doubt_table
from experiments.fusion.judged import Found, clean_table, judged, methods_of, stress_table
from experiments.fusion.stress import STRESS_SETS
from experiments.fusion_free import TUNING
from experiments.results import Document, Row
from experiments.tables import mark, table

ABOUT = (
    "Means over photographs, trimap1 / trimap2, with the standard deviation over the seeds in brackets. No photograph "
    "was learned from. The last columns compare SAD with the better of information flow and sampling on the same "
    "photograph."
)
CANDIDATE_TEXT = (
    "What is shipped as research weights, and rendered scenes too, in five folds of the twenty (to compare with the "
    "page of the experiment fusion):"
)
STRESS_TEXT = (
    "Stress sets: a scene of each photograph. The first ratio is that of mean SAD to the better solver's, with the "
    "standard deviation over the seeds; the second is of the worst photograph to its own better solver."
)
TUNING_TEXT = (
    "Recipes, one seed: ratios of SAD to information flow's on the twelve photographs, estimated from 10,000 random "
    "pixels of each. The recipe was chosen by these figures; the eight other photographs took no part in that."
)
SUBJECTS = ("the twelve, trimap1", "the twelve, trimap2")


def report(document: Document) -> list[str]:
    """Return the photographs, the stress sets, the doubts, the recipes, and the candidate."""
    found = judged(document["results"])
    return [*report_card(document), *tuning_table(document["results"]), *candidate_tables(found)]


def report_card(document: Document) -> list[str]:
    """Return what the model card shows: photographs, stress sets and doubts."""
    found = judged(document["results"])
    if not methods_of(found, "unseen"):
        return []
    twelve, eight = photographs_of(document)
    return [
        ABOUT,
        "All twenty:",
        clean_table(found, "unseen", [*twelve, *eight]),
        "The eight, by which nothing was chosen:",
        clean_table(found, "unseen", eight),
        *stress_tables(found),
        *doubt_table(document["results"]),
    ]


def stress_tables(found: Found) -> list[str]:
    """Return the stress sets; nothing if none was scored."""
    scored = [kind for _, kind, protocol in found if kind in STRESS_SETS and protocol == "unseen"]
    return [STRESS_TEXT, stress_table(found, STRESS_SETS, "unseen")] if scored else []


def photographs_of(document: Document) -> tuple[list[str], list[str]]:
    """Return the names of the twelve photographs that recipes were chosen on, and of the eight others."""
    rows = [row for row in document["results"] if row.get("set") == "trimap1"]
    names = list(dict.fromkeys(row["photograph"] for row in rows))
    return names[:12], names[12:]


def tuning_table(rows: Sequence[Row]) -> list[str]:
    """Return the ratios of each recipe; nothing if none was scored."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        if row.get("tuning"):
            found.setdefault(row["method"], {})[row["subject"]] = row
    lines = [
        [
            name + mark(list(found[name].values())),
            *(f"{found[name][subject]['error']['ratio']:.3f}" for subject in SUBJECTS),
        ]
        for name in TUNING
        if name in found
    ]
    return [TUNING_TEXT, table(["learned from", *SUBJECTS], lines)] if lines else []


def candidate_tables(found: Found) -> list[str]:
    """Return the candidate in five folds; nothing if it was not scored."""
    names = methods_of(found, "folds")
    if not names:
        return []
    photographs = list(found[names[0], "trimap1", "folds"].rows)
    return [
        CANDIDATE_TEXT,
        clean_table(found, "folds", photographs),
        stress_table(found, STRESS_SETS, "folds"),
    ]
