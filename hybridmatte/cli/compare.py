"""``compare``: the results of several methods side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from hybridmatte.cli.compilation_note import note_compilation
from hybridmatte.cli.options import MAX_PIXELS, Force, Json, MaxPixels, Output, Photograph, Quiet, Weights
from hybridmatte.cli.reports import Used, begin_report
from hybridmatte.cli.streams import complain, destination, note, sources

SHEET_BYTES = 16  # a pixel for each method: its alpha, kept to the end, and what the contact sheet makes of it


def compare(
    image: Photograph,
    trimap: Annotated[str, typer.Argument(metavar="TRIMAP", help="Trimap of the photograph, or -.")],
    output: Output,
    methods: Annotated[
        str | None, typer.Option("--methods", "-m", help="Names separated by commas. Default: all.")
    ] = None,
    max_pixels: MaxPixels = MAX_PIXELS,
    force: Force = False,
    _quiet: Quiet = False,
    _json: Json = False,
    weights: Weights = "research",
) -> None:
    """Solve one image with several methods and draw a contact sheet of the results, with times."""
    from hybridmatte.batch.budget import budget_for
    from hybridmatte.comparison import BEST, compare_methods, contact_sheet
    from hybridmatte.correction.weights import check_weights
    from hybridmatte.io.pictures import read_image, read_profile, read_trimap, write_image
    from hybridmatte.io.sizes import check_sizes
    from hybridmatte.methods.registry import METHODS
    from hybridmatte.trimap import split_trimap

    kind = check_weights(weights)
    names = None if methods is None else [name.strip() for name in methods.split(",")]
    tasks = tuple([*METHODS, BEST] if names is None else names)
    begin_report(image, output, Used(weights=kind if BEST in tasks else None))
    inputs = sources(image, trimap)
    target = destination(output, inputs, force=force)
    budget = budget_for((*tasks, "decontaminate"), force=force, held=SHEET_BYTES * len(tasks), say=note)
    budget.check(inputs[0], check_sizes(*inputs, "trimap", max_pixels=max_pixels))
    pixels = read_image(inputs[0], max_pixels=max_pixels)
    known = read_trimap(inputs[1], max_pixels=max_pixels)
    unknown = int(split_trimap(known).is_unknown.sum())
    budget.admit(inputs[0], known.shape[:2], unknown)
    with note_compilation():
        trials = compare_methods(pixels, known, names, on_start=lambda name: note(f"solving with {name}"), weights=kind)
    for trial in trials:
        for message in trial.warnings:
            note(f"warning: {trial.method}: {message}")
        if trial.error is not None:
            complain(f"error: {trial.method}: {trial.error}")
    if all(trial.error is not None for trial in trials):
        raise ValueError("no method could solve this image, expected at least one")
    write_image(target, contact_sheet(pixels, known, trials), profile=read_profile(inputs[0]))
    if any(trial.error is not None for trial in trials):
        raise typer.Exit(1)
