"""``trimap``: a trimap from a mask or an alpha."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from hybridmatte.cli.folder_run import Request, run
from hybridmatte.cli.options import (
    MAX_PIXELS,
    Dilate,
    Erode,
    Force,
    Json,
    Label,
    MaxPixels,
    OutputOrFolder,
    Quiet,
    Recursive,
    Resume,
    Workers,
)
from hybridmatte.cli.streams import output_or_default


def trimap(
    mask: Annotated[
        str,
        typer.Argument(
            metavar="MASK",
            help="Grey picture, cut-out (RGBA), labels, a palette or a .npy array; folder or quoted pattern "
            "('masks/*.png') of them; or - for standard input.",
        ),
    ],
    output: OutputOrFolder = None,
    kind: Annotated[
        str,
        typer.Option(
            "--from",
            help="mask: a band along its outline becomes unknown. alpha: its mixed "
            "pixels and a margin around them become unknown.",
        ),
    ] = "mask",
    erode: Erode = None,
    dilate: Dilate = None,
    workers: Workers = 1,
    resume: Resume = False,
    max_pixels: MaxPixels = MAX_PIXELS,
    force: Force = False,
    _quiet: Quiet = False,
    _json: Json = False,
    recursive: Recursive = False,
    label: Label = None,
) -> None:
    """Make a trimap from a mask or from an alpha.

    hybridmatte trimap mask.png -o trimap.png --erode 8 --dilate 12

    hybridmatte trimap "photos/*_mask.png" -o trimaps
    """
    from hybridmatte._validation import check_choice
    from hybridmatte.batch.work import FileOptions, trimap_file

    check_choice(kind, "--from", ("mask", "alpha"))
    if label is not None and kind == "alpha":
        raise ValueError(f"--label is {label}, expected none with --from alpha")
    output, default_output = output_or_default(output, mask, "trimap")
    work = partial(trimap_file, kind=kind, erode=erode, dilate=dilate, label=label, files=FileOptions(8, max_pixels))
    request = Request(
        mask,
        None,
        output,
        workers=workers,
        resume=resume,
        tasks=("trimap",),
        force=force,
        recursive=recursive,
        default_output=default_output,
        kind=kind,
        image_name=kind,
    )
    run(request, work)
