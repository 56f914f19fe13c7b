"""``decontaminate``: the foreground as RGBA, from an image and its alpha."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from hybridmatte.cli.folder_run import Request, run
from hybridmatte.cli.options import (
    MAX_PIXELS,
    Bits,
    DropGps,
    Force,
    Image,
    Json,
    MaxPixels,
    OutputOrFolder,
    Quiet,
    Recursive,
    Resume,
    Workers,
)
from hybridmatte.cli.streams import output_or_default


def decontaminate(
    image: Image,
    alpha: Annotated[
        str,
        typer.Argument(
            metavar="ALPHA",
            help="Alpha of the photograph or of all photographs, folder or pattern of alphas with the same file stems, "
            "name pattern ('{stem}_alpha.png'), or -.",
        ),
    ],
    output: OutputOrFolder = None,
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
    """Cut the foreground out by its alpha; the old background's colours are removed from its edges."""
    from hybridmatte.batch.work import FileOptions, decontaminated_file

    output, default_output = output_or_default(output, image, "cutout")
    work = partial(decontaminated_file, files=FileOptions(bits, max_pixels, drop_gps))
    request = Request(
        image,
        alpha,
        output,
        "alpha",
        bits,
        transparent=True,
        workers=workers,
        resume=resume,
        tasks=("decontaminate",),
        force=force,
        recursive=recursive,
        default_output=default_output,
    )
    run(request, work)
