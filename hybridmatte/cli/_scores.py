"""``evaluate``: score a folder of alphas against their truth."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from hybridmatte._validation import check_choice
from hybridmatte.batch.jobs import pictures_in
from hybridmatte.cli._streams import DEFAULT_MAX_PIXELS, MaxPixels, note, show
from hybridmatte.io.files import check_writable, write_bytes
from hybridmatte.io.pictures import read_alpha, read_trimap

COLUMNS = {  # metric: table header and factor; files hold the plain numbers
    "sad": ("SAD / 1000", 1e-3), "mse": ("MSE x 1000", 1e3), "mad": ("MAD x 1000", 1e3),
    "gradient_error": ("Grad / 1000", 1e-3), "connectivity_error": ("Conn / 1000", 1e-3),
}

TABLE = {  # as the papers on networks have them: over the whole image, and -T over the unknown region
    "sad": ("SAD / 1000", 1e-3), "mad": ("MAD", 1.0), "mse": ("MSE", 1.0), "gradient_error": ("Grad / 1000", 1e-3),
    "connectivity_error": ("Conn / 1000", 1e-3), "sad_t": ("SAD-T / 1000", 1e-3), "mse_t": ("MSE-T", 1.0),
}


def evaluate(
    alpha: Annotated[Path | None, typer.Argument(metavar="ALPHAS", help="Folder of alphas to score.")] = None,
    truth: Annotated[Path | None, typer.Argument(metavar="TRUTHS", help="Folder of true alphas, same stems.")] = None,
    trimap: Annotated[Path | None, typer.Argument(metavar="[TRIMAPS]", help="Folder of trimaps.")] = None,
    region: Annotated[str | None, typer.Option(
        "--region", help="unknown (needs trimaps, default) or whole, of ALPHAS.")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the numbers as CSV.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write them as JSON.")] = None,
    max_pixels: MaxPixels = DEFAULT_MAX_PIXELS,
    network: Annotated[str | None, typer.Option("--network", help="Score a network's alphas instead: its folder.")]
    = None,
    dataset: Annotated[str, typer.Option("--dataset", help="Layout of --data: folder, am-2k, p3m-10k, ...")] = "folder",
    split: Annotated[str | None, typer.Option("--split", help="Of the data set, if it has several.")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Where the data set lies, for --network.")] = None,
    backgrounds: Annotated[Path | None, typer.Option(
        "--backgrounds", help="Photographs: the data set's foregrounds are composited over them, 20 times each.")]
    = None,
):
    """Score alphas against their truth: SAD, MSE, MAD, gradient and connectivity errors.

    With --network and --data, score what a network makes of a data set, as the papers' tables do. One that takes a mask
    and finds none there gets one made from alpha: trimaps of 15 pixels, eroded by 20.
    """
    _check_half(network, {"ALPHAS": alpha, "TRUTHS": truth, "TRIMAPS": trimap, "--region": region},
                {"--data": data, "--split": split, "--backgrounds": backgrounds})
    if network is not None:
        evaluate_network(network, data, csv_file, json_file, dataset=dataset, split=split, backgrounds=backgrounds)
        return
    if alpha is None or truth is None:
        raise ValueError("ALPHAS and TRUTHS are missing, expected two folders, or --network and --data")
    region = check_choice(region or "unknown", "--region", ("unknown", "whole"))
    if region == "unknown" and trimap is None:
        raise ValueError("TRIMAPS is missing, expected a folder of trimaps for --region unknown")
    _check_files(csv_file, json_file)
    rows, failures = _score_folders(alpha, truth, trimap, region, max_pixels)
    for failure in failures:
        note(f"error: {failure}")
    if not rows:
        raise ValueError(f"ALPHAS {alpha} holds no alpha that can be scored, expected at least one")
    mean = {metric: sum(row[metric] for row in rows) / len(rows) for metric in COLUMNS}
    show(_table(rows, mean, COLUMNS, f"over the {'unknown region' if region == 'unknown' else 'whole image'}"))
    _write_files(csv_file, json_file, {"region": region, "results": rows, "mean": mean})
    if failures:
        raise typer.Exit(1)


def _check_half(network, of_folders, of_network):
    """Refuse what the other half of the command reads: it would have no effect."""
    refused, half = (of_network, "without") if network is None else (of_folders, "with")
    for name, value in refused.items():
        if value is not None:
            raise ValueError(f"{name} {value} came, expected none {half} --network")


def evaluate_network(network, data, csv_file, json_file, *, dataset, split, backgrounds):
    """Score a network over a data set; trimaps are used where the data set has them."""
    if data is None:
        raise ValueError("--data is missing, expected the folder of the data set")
    _check_files(csv_file, json_file)
    from rich.progress import track

    from hybridmatte.networks import load_network
    from hybridmatte.training import open_scored, score_network

    model = load_network(network)
    samples = _with_masks(model, open_scored(dataset, data, split=split, backgrounds=backgrounds))
    scored = track(score_network(model, samples), "scoring", len(samples), disable=not sys.stderr.isatty())
    rows = [{"name": name} | errors for name, errors in scored]
    columns = {metric: header for metric, header in TABLE.items() if metric in rows[0]}
    columns |= {name: (name.replace("_", " "), 1.0) for name in rows[0] if name not in (*TABLE, "name")}
    mean = {metric: float(np.nanmean([row[metric] for row in rows])) for metric in columns}
    show(_table(rows, mean, columns, f"{network} on {dataset} {split or ''}".strip()))
    _write_files(csv_file, json_file, {"network": network, "results": rows, "mean": mean})


def _with_masks(network, samples):
    """Return samples as tasks for a network that takes a mask, unless they have masks and no trimap is looked for."""
    from hybridmatte.data import TrimapTasks
    from hybridmatte.networks import MattingNetwork, TrimapNetwork

    if isinstance(network, MattingNetwork):
        return samples
    has_masks = len(samples) and samples[0].mask is not None
    if has_masks and not isinstance(network, TrimapNetwork):
        return samples
    note("masks are made from the alphas, eroded by 20 pixels and blurred, trimaps from them too")
    return TrimapTasks(samples)


def _check_files(csv_file, json_file):
    """Refuse files that cannot be written or whose names say something else."""
    for path, extension in ((csv_file, ".csv"), (json_file, ".json")):
        if path is not None and path.suffix.lower() != extension:
            raise ValueError(f"--{extension[1:]} is {path}, expected the name of a file ending in {extension}")
        if path is not None:
            check_writable(path)


def _write_files(csv_file, json_file, document):
    """Write the plain numbers."""
    if csv_file is not None:
        write_bytes(csv_file, _as_csv(document["results"]).encode())
    if json_file is not None:
        write_bytes(json_file, json.dumps(document, indent=1).encode())


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


def _table(rows, mean, columns, title):
    from rich.table import Table

    table = Table("Image", title=title)
    for header, _ in columns.values():
        table.add_column(header, justify="right")
    for row in [*rows, {"name": f"mean of {len(rows)}"} | mean]:
        if row["name"].startswith("mean of"):
            table.add_section()
        cells = (f"{row[metric] * factor:.{4 if factor == 1.0 else 3}f}" for metric, (_, factor) in columns.items())
        table.add_row(row["name"], *cells)
    return table


def _as_csv(rows):
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()
