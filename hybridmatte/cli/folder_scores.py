"""``evaluate`` without a network: score a folder of alphas."""

from __future__ import annotations

from pathlib import Path

import typer

from hybridmatte._validation import check_choice
from hybridmatte.batch.pairing import pictures_in, sentences, without_picture
from hybridmatte.batch.scores import scores_of
from hybridmatte.cli.score_tables import COLUMNS, Row, score_table, write_score_files
from hybridmatte.cli.streams import complain, note, show

__all__ = ["evaluate_folders"]

REGIONS = {"unknown": "unknown region", "whole": "whole image", "boundary": "boundary"}


def evaluate_folders(
    alpha: Path | None,
    truth: Path | None,
    trimap: Path | None,
    csv_file: Path | None,
    json_file: Path | None,
    *,
    region: str | None,
    max_pixels: int,
) -> None:
    """Score every alpha of a folder, show and write the numbers; report alphas that cannot be scored."""
    if alpha is None or truth is None:
        raise ValueError("ALPHAS and TRUTHS are missing, expected two folders, or --network and --data")
    region = check_choice(region or "unknown", "--region", ("unknown", "whole", "boundary"))
    if region == "unknown" and trimap is None:
        raise ValueError("TRIMAPS is missing, expected a folder of trimaps for --region unknown")
    folders = {"alpha": alpha, "truth": truth} | ({} if trimap is None else {"trimap": trimap})
    rows, failures = _score_folders(folders, region, max_pixels)
    for name, folder in folders.items():
        for line in sentences(without_picture(folder), folder, name):
            note(line)
    for failure in failures:
        complain(f"error: {failure}")
    if not rows:
        raise ValueError(f"ALPHAS {alpha} holds no alpha that can be scored, expected at least one")
    mean = {metric: sum(row[metric] for row in rows) / len(rows) for metric in COLUMNS}
    show(score_table(rows, mean, COLUMNS, f"over the {REGIONS[region]}"))
    write_score_files(csv_file, json_file, {"region": region, "results": rows, "mean": mean})
    if failures:
        raise typer.Exit(1)


def _score_folders(folders: dict[str, Path], region: str, max_pixels: int) -> tuple[list[Row], list[str]]:
    """Return a row for every stem that all folders have, and a sentence for every other stem."""
    pictures: dict[str, dict[str, Path]] = {}
    problems: dict[str, str] = {}
    for name, folder in folders.items():
        pictures[name], ambiguous = pictures_in(folder, name)
        problems |= ambiguous
    rows = []
    for stem in sorted(pictures["alpha"] | pictures["truth"]):
        missing = [name for name in folders if stem not in pictures[name]]
        if stem in problems:
            continue
        if missing:
            problems[stem] = f"{stem} has no {' and no '.join(missing)}, expected one in each folder"
            continue
        try:
            rows.append({"name": stem} | scores_of([pictures[name][stem] for name in folders], region, max_pixels))
        except (ValueError, OSError) as error:
            problems[stem] = f"{stem}: {error}"
    return rows, [problems[stem] for stem in sorted(problems)]
