"""``evaluate``: score a folder of alphas against their truth."""

import csv
import io
import json
from pathlib import Path
from typing import Annotated

import typer

from hybridmatte._check import check_choice
from hybridmatte._files import check_writable, write_bytes
from hybridmatte.batch import pictures_in
from hybridmatte.cli._streams import DEFAULT_MAX_PIXELS, MaxPixels, note, show
from hybridmatte.image import read_alpha, read_trimap

COLUMNS = {  # metric: table header and factor; files hold the plain numbers
    "sad": ("SAD / 1000", 1e-3), "mse": ("MSE x 1000", 1e3), "mad": ("MAD x 1000", 1e3),
    "gradient_error": ("Grad / 1000", 1e-3), "connectivity_error": ("Conn / 1000", 1e-3),
}


def evaluate(
    alpha: Annotated[Path, typer.Argument(metavar="ALPHAS", help="Folder of alphas to score.")],
    truth: Annotated[Path, typer.Argument(metavar="TRUTHS", help="Folder of true alphas with the same stems.")],
    trimap: Annotated[Path | None, typer.Argument(metavar="[TRIMAPS]", help="Folder of trimaps.")] = None,
    region: Annotated[str, typer.Option("--region", help="unknown (needs trimaps) or whole.")] = "unknown",
    csv_file: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the numbers as CSV.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write them as JSON.")] = None,
    max_pixels: MaxPixels = DEFAULT_MAX_PIXELS,
):
    """Score alphas against their truth: SAD, MSE, MAD, gradient and connectivity errors."""
    check_choice(region, "--region", ("unknown", "whole"))
    if region == "unknown" and trimap is None:
        raise ValueError("TRIMAPS is missing, expected a folder of trimaps for --region unknown")
    for path, extension in ((csv_file, ".csv"), (json_file, ".json")):
        if path is not None and path.suffix.lower() != extension:
            raise ValueError(f"--{extension[1:]} is {path}, expected the name of a file ending in {extension}")
        if path is not None:
            check_writable(path)
    rows, failures = _score_folders(alpha, truth, trimap, region, max_pixels)
    for failure in failures:
        note(f"error: {failure}")
    if not rows:
        raise ValueError(f"ALPHAS {alpha} holds no alpha that can be scored, expected at least one")
    mean = {metric: sum(row[metric] for row in rows) / len(rows) for metric in COLUMNS}
    show(_table(rows, mean, region))
    if csv_file is not None:
        write_bytes(csv_file, _as_csv(rows).encode())
    if json_file is not None:
        write_bytes(json_file, json.dumps({"region": region, "results": rows, "mean": mean}, indent=1).encode())
    if failures:
        raise typer.Exit(1)


def _score_folders(alpha, truth, trimap, region, max_pixels):
    """Return a row of plain numbers for every stem, and a sentence for every stem that has none."""
    folders = {"alpha": alpha, "truth": truth} | ({} if trimap is None else {"trimap": trimap})
    pictures, problems = {}, {}
    for name, folder in folders.items():
        pictures[name], doubtful = pictures_in(folder, name)
        problems |= doubtful
    rows = []
    for stem in sorted(pictures["alpha"] | pictures["truth"]):
        missing = [name for name in folders if stem not in pictures[name]]
        if stem in problems:
            continue
        if missing:
            problems[stem] = f"{stem} has no {' and no '.join(missing)}, expected one in each folder"
            continue
        try:
            rows.append({"name": stem} | _score(*(pictures[name][stem] for name in folders), region, max_pixels))
        except (ValueError, OSError) as error:
            problems[stem] = f"{stem}: {error}"
    return rows, [problems[stem] for stem in sorted(problems)]


def _score(alpha, truth, *rest):
    """Return all metrics of one alpha."""
    from hybridmatte import metrics

    *trimap, region, max_pixels = rest
    alpha, truth = read_alpha(alpha, max_pixels=max_pixels), read_alpha(truth, max_pixels=max_pixels)
    trimap = read_trimap(trimap[0], max_pixels=max_pixels) if trimap else None
    return {name: float(getattr(metrics, name)(alpha, truth, trimap, region=region)) for name in COLUMNS}


def _table(rows, mean, region):
    from rich.table import Table

    table = Table("Image", title=f"over the {'unknown region' if region == 'unknown' else 'whole image'}")
    for header, _ in COLUMNS.values():
        table.add_column(header, justify="right")
    for row in [*rows, {"name": f"mean of {len(rows)}"} | mean]:
        if row["name"].startswith("mean of"):
            table.add_section()
        table.add_row(row["name"], *(f"{row[metric] * factor:.3f}" for metric, (_, factor) in COLUMNS.items()))
    return table


def _as_csv(rows):
    file = io.StringIO()
    writer = csv.DictWriter(file, ["name", *COLUMNS], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()
