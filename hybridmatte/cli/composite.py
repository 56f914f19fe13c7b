"""``composite``: the foreground over another background."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from hybridmatte.cli.backgrounds import checked_background
from hybridmatte.cli.folder_run import Request, run
from hybridmatte.cli.options import (
    MAX_PIXELS,
    Background,
    Bits,
    DropGps,
    FitOption,
    Force,
    Json,
    MaxPixels,
    OutputOrFolder,
    Quiet,
    Recursive,
    Resume,
    Workers,
)
from hybridmatte.cli.streams import output_or_default


def composite(
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE",
            help="Photograph, or a cut-out (RGBA) without ALPHA; folder or quoted pattern ('in/*.jpg') of them, or -.",
        ),
    ],
    output: OutputOrFolder = None,
    alpha: Annotated[
        str | None,
        typer.Argument(
            metavar="[ALPHA]",
            help="Alpha of the photograph or of all photographs, folder or pattern of alphas with the same file stems, "
            "name pattern ('{stem}_alpha.png'), or -.",
        ),
    ] = None,
    background: Background = "white",
    fit: FitOption = None,
    bits: Bits = 8,
    workers: Workers = 1,
    resume: Resume = False,
    max_pixels: MaxPixels = MAX_PIXELS,
    drop_gps: DropGps = False,
    force: Force = False,
    _quiet: Quiet = False,
    _json: Json = False,
    recursive: Recursive = False,
) -> None:
    """Put the foreground over a colour or another picture; the old background's colours are removed from its edges.

    The background is converted to the photograph's colour profile. A colour is one of sRGB.

    hybridmatte composite cat.jpg cat_alpha.png -o on_green.png --background "#20a040"

    hybridmatte composite photos "alphas/{stem}.png" -o on_beach --background beach.jpg --fit cover
    """
    from hybridmatte.batch.work import FileOptions, composite_file

    output, default_output = output_or_default(output, image, "composite")
    background, how = checked_background(background, fit)
    work = partial(composite_file, files=FileOptions(bits, max_pixels, drop_gps, how))
    request = Request(
        image,
        alpha,
        output,
        "alpha",
        bits,
        transparent=background is None,
        workers=workers,
        resume=resume,
        tasks=("composite",),
        force=force,
        background=background,
        recursive=recursive,
        default_output=default_output,
        kind="cutout" if alpha is None else "",
    )
    run(request, work)
