"""``evaluate``: score alphas, or a network on a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hybridmatte.cli.options import (
    MAX_PIXELS,
    Coarse,
    Force,
    FusionOption,
    MaxPixels,
    Side,
    TilePixels,
    Weights,
)


def evaluate(
    alpha: Annotated[Path | None, typer.Argument(metavar="ALPHAS", help="Folder of alphas to score.")] = None,
    truth: Annotated[
        Path | None, typer.Argument(metavar="TRUTHS", help="Folder of true alphas with the same file stems.")
    ] = None,
    trimap: Annotated[Path | None, typer.Argument(metavar="[TRIMAPS]", help="Folder of trimaps.")] = None,
    region: Annotated[
        str | None,
        typer.Option("--region", help="Part of ALPHAS to score: unknown (default; needs TRIMAPS), whole or boundary."),
    ] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the numbers as CSV.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the numbers as JSON.")] = None,
    max_pixels: MaxPixels = MAX_PIXELS,
    force: Force = False,
    network: Annotated[
        str | None, typer.Option("--network", help="Folder of a network to score instead of ALPHAS.")
    ] = None,
    dataset: Annotated[str, typer.Option("--dataset", help="Layout of --data: folder, am-2k, p3m-10k, ...")] = "folder",
    split: Annotated[str | None, typer.Option("--split", help="Split of the data set, if it has several.")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Location of the data set, for --network.")] = None,
    backgrounds: Annotated[
        Path | None,
        typer.Option(
            "--backgrounds",
            help="Folder of photographs; each foreground of the data set is composited over 20 of them.",
        ),
    ] = None,
    per_foreground: Annotated[
        int | None,
        typer.Option("--per-foreground", min=1, metavar="N", help="Composites of each foreground, 20 by default."),
    ] = None,
    side: Side = None,
    tile_pixels: TilePixels = None,
    erode: Annotated[
        float | None,
        typer.Option(
            "--erode",
            min=0,
            help="Make the masks for Net-T and joint networks from the true alphas, eroded by so many pixels (20 to 50 "
            "in the paper's Table 5), also where the data set has masks.",
        ),
    ] = None,
    fusion: FusionOption = None,
    coarse: Coarse = False,
    weights: Weights = "research",
) -> None:
    """Score alphas against true alphas: SAD, MSE, MAD, gradient and connectivity errors.

    With --network and --data, score the alphas of a network on a data set, as in the tables of papers. A network that
    takes a mask gets the data set's masks; without any, masks eroded by 20 pixels and trimaps of 15 pixels are made
    from the true alphas. --weights free refuses the networks that come with the package, finder and refiner.
    """
    from hybridmatte.cli.score_tables import check_score_files
    from hybridmatte.correction.weights import check_weights

    kind = check_weights(weights)
    _refuse_options_without_effect(
        network,
        {"ALPHAS": alpha, "TRUTHS": truth, "TRIMAPS": trimap, "--region": region},
        {
            "--data": data,
            "--split": split,
            "--backgrounds": backgrounds,
            "--per-foreground": per_foreground,
            "--side": side,
            "--tile-pixels": tile_pixels,
            "--erode": erode,
            "--fusion": fusion,
            "--coarse": coarse or None,
        },
    )
    check_score_files(csv_file, json_file, force=force)
    if network is not None:
        from hybridmatte.correction.weights import refuse_research_network

        refuse_research_network(network, kind)  # before imports that need an extra
        from hybridmatte.cli.network_scores import NetworkOptions, ScoredData, evaluate_network

        options = NetworkOptions(side, tile_pixels, erode, fusion, coarse)
        scored = ScoredData(data, dataset, split, backgrounds, per_foreground)
        evaluate_network(network, scored, options, csv_file, json_file)
    else:
        from hybridmatte.cli.folder_scores import evaluate_folders

        evaluate_folders(alpha, truth, trimap, csv_file, json_file, region=region, max_pixels=max_pixels)


def _refuse_options_without_effect(
    network: str | None, of_folders: dict[str, object], of_network: dict[str, object]
) -> None:
    """Refuse arguments that have no effect with, or without, a network."""
    refused, where = (of_network, "without") if network is None else (of_folders, "with")
    for name, value in refused.items():
        if value is not None:
            raise ValueError(f"{name} {value} came, expected none {where} --network")
