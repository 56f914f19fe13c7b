"""``refine``: bring an alpha to a photograph's size and edges."""

from __future__ import annotations

from functools import partial
from pathlib import Path
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
    Weights,
    Workers,
)
from hybridmatte.cli.streams import output_or_default


def refine(
    image: Image,
    alpha: Annotated[
        str,
        typer.Argument(
            metavar="ALPHA",
            help="Alpha of a network or a segmenter, at any size of the "
            "same aspect ratio, or one for all images, folder or pattern of alphas with the same file stems, name "
            "pattern ('{stem}_alpha.png'), or -.",
        ),
    ],
    output: OutputOrFolder = None,
    trimap: Annotated[
        str | None,
        typer.Option(
            "--trimap",
            metavar="FILE",
            help="Trimap whose known pixels stay exact, one for all images, or a name pattern ('masks/{stem}.png').",
        ),
    ] = None,
    confidence: Annotated[
        float | None, typer.Option("--confidence", min=0, help="Weight of ALPHA against the image. Default: 0.1.")
    ] = None,
    weights: Weights = "research",
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
    """Bring an alpha to a photograph's size and edges. Nothing learned runs, so that --weights changes nothing.

    hybridmatte refine photo.jpg alpha.png -o refined.png

    hybridmatte refine photos "alphas/{stem}.png" -o refined --trimap "trimaps/{stem}.png"
    """
    from hybridmatte.batch.work import FileOptions, refined_file
    from hybridmatte.correction.weights import check_weights

    check_weights(weights)
    output, default_output = output_or_default(output, image, "refined")
    if trimap is not None and Path(trimap).absolute() == Path(output).absolute():
        raise ValueError(f"--output is {output}, which is also --trimap, expected another file")
    work = partial(refined_file, trimap=trimap, confidence=confidence, files=FileOptions(bits, max_pixels, drop_gps))
    request = Request(
        image,
        alpha,
        output,
        "alpha",
        bits,
        workers=workers,
        resume=resume,
        tasks=("refine",),
        force=force,
        recursive=recursive,
        default_output=default_output,
    )
    run(request, work)
