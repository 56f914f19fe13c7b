"""``compare``: the results of several methods side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from hybridmatte.cli.options import MAX_PIXELS, MaxPixels, Output, Photograph
from hybridmatte.cli.streams import destination, note, sources


def compare(
    image: Photograph,
    trimap: Annotated[str, typer.Argument(metavar="TRIMAP", help="Trimap of the photograph, or -.")],
    output: Output,
    methods: Annotated[
        str | None, typer.Option("--methods", "-m", help="Names separated by commas. Default: all.")
    ] = None,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Solve one image with several methods and draw a contact sheet of the results, with times."""
    from hybridmatte.comparison import compare_methods, contact_sheet
    from hybridmatte.io.pictures import read_image, read_profile, read_trimap, write_image
    from hybridmatte.io.sizes import check_sizes

    inputs = sources(image, trimap)
    target = destination(output, inputs)
    check_sizes(*inputs, "trimap", max_pixels=max_pixels)
    pixels = read_image(inputs[0], max_pixels=max_pixels)
    known = read_trimap(inputs[1], max_pixels=max_pixels)
    names = None if methods is None else [name.strip() for name in methods.split(",")]
    trials = compare_methods(pixels, known, names, on_start=lambda name: note(f"solving with {name}"))
    for trial in trials:
        for message in trial.warnings:
            note(f"warning: {trial.method}: {message}")
        if trial.error is not None:
            note(f"error: {trial.method}: {trial.error}")
    if all(trial.error is not None for trial in trials):
        raise ValueError("no method could solve this image, expected at least one")
    write_image(target, contact_sheet(pixels, known, trials), profile=read_profile(inputs[0]))
    if any(trial.error is not None for trial in trials):
        raise typer.Exit(1)
