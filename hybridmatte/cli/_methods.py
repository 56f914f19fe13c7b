"""``compare`` and ``methods``."""

from typing import Annotated

import typer

from hybridmatte.cli._streams import DEFAULT_MAX_PIXELS, MaxPixels, Output, destination, note, show, sources
from hybridmatte.io.pictures import read_image, read_profile, read_trimap, write_image


def compare(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Photograph, or - for standard input.")],
    trimap: Annotated[str, typer.Argument(metavar="TRIMAP", help="Its trimap, or -.")],
    output: Output,
    methods: Annotated[str | None, typer.Option("--methods", "-m", help="Names with commas between; default all.")]
    = None,
    max_pixels: MaxPixels = DEFAULT_MAX_PIXELS,
):
    """Solve one image with several methods and draw a contact sheet of the results, with times."""
    from hybridmatte.comparison import compare_methods, contact_sheet

    inputs = sources(image, trimap)
    target = destination(output, inputs)
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


def methods():
    """List the methods: what each does and when to use it."""
    from rich.table import Table

    from hybridmatte.correction.matting import QUALITIES
    from hybridmatte.methods.registry import METHODS

    table = Table("Method", "What it does", "When to use it")
    for name, what in QUALITIES.items():
        table.add_row(f"--quality {name}", what, "by default" if name == "best" else "many images, little time")
    for name, summary in METHODS.items():
        what, _, when = summary.partition("; ")
        table.add_row(name, what, when)
    show(table)
