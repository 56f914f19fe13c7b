"""``blend``: labels from a teacher network and masks."""

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
    Json,
    MaxPixels,
    OutputOrFolder,
    Quiet,
    Resume,
    Side,
    Workers,
)
from hybridmatte.cli.streams import output_or_default


def blend(
    network: Annotated[str, typer.Argument(metavar="TEACHER", help="Folder of a network with a boundary head.")],
    image: Annotated[str, typer.Argument(metavar="IMAGES", help="Folder of photographs, or one photograph.")],
    mask: Annotated[
        str, typer.Argument(metavar="MASKS", help="Folder of masks with the same file stems, or one mask.")
    ],
    output: OutputOrFolder = None,
    bits: Bits = 8,
    workers: Workers = 1,
    resume: Resume = False,
    side: Side = None,
    soft: Annotated[
        bool,
        typer.Option("--soft", help="Weigh alpha and mask by the boundary as the teacher gives it, not by 0 and 1."),
    ] = False,
    max_pixels: MaxPixels = MAX_PIXELS,
    drop_gps: DropGps = False,
    force: Force = False,
    _quiet: Quiet = False,
    _json: Json = False,
) -> None:
    """Write blended labels: the teacher's alpha on its boundary, the mask (white from 50% on) elsewhere.

    A mask of another size is brought to that of its photograph.
    """
    from hybridmatte.batch.network_work import blended_file, load_teacher
    from hybridmatte.batch.work import FileOptions

    output, default_output = output_or_default(output, image, "label")
    load_teacher(network)  # refuses a wrong network before anything is written
    work = partial(blended_file, network=network, files=FileOptions(bits, max_pixels, drop_gps), side=side, soft=soft)
    request = Request(
        image,
        mask,
        output,
        "mask",
        bits,
        workers=workers,
        resume=resume,
        force=force,
        default_output=default_output,
    )
    run(request, work)
