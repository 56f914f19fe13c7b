"""The page from the recorded result."""

from collections.abc import Sequence

import numpy as np

from experiments.braking_effect import SNAPSHOTS
from experiments.results import Document, Row
from experiments.tables import mark, table


def report(document: Document) -> list[str]:
    """Return the tables of the parts that were measured: recurrence, drawn hair, photographs."""
    rows = document["results"]
    return [
        *recurrence_part([row for row in rows if row["method"] == "recurrence"]),
        *drawn_part([row for row in rows if row["subject"] == "drawn hair"]),
        *photograph_part([row for row in rows if row["subject"].startswith("photograph ")]),
    ]


def recurrence_part(rows: Sequence[Row]) -> list[str]:
    """Return the table of roots and residuals."""
    lines = []
    for row in rows:
        found = row["error"]
        lines.append(
            [
                row["subject"] + mark([row]),
                found["roots_at_one"],
                found["roots_at_one_differenced"],
                f"{found['quadratic_least']:.6f} to {found['quadratic_most']:.6f}",
                f"{found['quadratic_expected']:.6f}",
                f"{found['ramp']:.1e}",
            ]
        )
    header = ["window", "roots at 1", "differenced", "residual of 0.01 t^2", "expected", "residual of a ramp"]
    about = (
        "`a_t = mean of a_(t-m) ... a_(t+m)`, K = 2 m + 1: how often 1 is a root of its polynomial and of the "
        "differenced recurrence's; the residual of 0.01 t^2 beside (K^2 - 1) / 1200; and the residual of a ramp."
    )
    return ["## Recurrence", about, table(header, lines)] if rows else []


def drawn_part(rows: Sequence[Row]) -> list[str]:
    """Return the table of losses and growth, and the picture."""
    lines = []
    for row in rows:
        losses = [f"{row['error'][f'loss_{name}']:.5f}" for name in ("true", "step", "ramp")]
        growth = [f"{row['error'][f'mean_{step}']:.2f}" for step in SNAPSHOTS]
        lines.append([row["method"] + mark([row]), *losses, *growth])
    about = (
        "The loss of the true hair, of one that ends in a step half way, and of one that is a ramp; then the mean "
        "alpha along the hair after some steps of descent from no hair."
    )
    header = ["loss", "true", "step", "ramp", *(f"{step} steps" for step in SNAPSHOTS)]
    return (
        [
            "## Drawn hair",
            about,
            table(header, lines),
            "![Roots for K = 11, and the hair under each loss](braking_effect.png)",
        ]
        if rows
        else []
    )


def photograph_part(rows: Sequence[Row]) -> list[str]:
    """Return the table of means over photographs, and the picture."""
    lines = []
    for prior in dict.fromkeys(row["method"] for row in rows):
        found = [row for row in rows if row["method"] == prior]
        cells = []
        for region in ("hair", "background"):
            values = [row["error"][region] for row in found]
            cells.append(f"{np.mean(values):.3f} ({np.std(values, ddof=1):.3f})")
        lines.append([prior + mark(found), len(found), *cells])
    about = (
        "Mean alpha after 600 steps on unknown hair (true alpha at least 0.5) and on unknown background (at most "
        "0.02): mean and standard deviation over the photographs."
    )
    return (
        [
            "## Photographs",
            about,
            table(["loss", "photographs", "hair", "background"], lines),
            "![Growth of hair and background](braking_effect_photographs.png)",
        ]
        if rows
        else []
    )
