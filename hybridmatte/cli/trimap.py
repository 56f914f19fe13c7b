"""``trimap``: a trimap from a mask or an alpha."""

from __future__ import annotations

from typing import Annotated

import typer

from hybridmatte.cli.options import MAX_PIXELS, Dilate, Erode, Force, MaxPixels, OutputOrFolder
from hybridmatte.cli.streams import destination, note, output_or_default, sources


def trimap(
    mask: Annotated[str, typer.Argument(metavar="MASK", help="Grey picture, cut-out (RGBA), or - for standard input.")],
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
    max_pixels: MaxPixels = MAX_PIXELS,
    force: Force = False,
) -> None:
    """Make a trimap from a mask or from an alpha."""
    from hybridmatte._validation import check_choice
    from hybridmatte.automatic.from_mask import check_outline
    from hybridmatte.batch.budget import budget_for
    from hybridmatte.io.pictures import read_alpha, read_size, write_alpha
    from hybridmatte.trimap import trimap_from_alpha, trimap_from_mask

    make = {"mask": trimap_from_mask, "alpha": trimap_from_alpha}[check_choice(kind, "--from", ("mask", "alpha"))]
    output = output_or_default(output, mask, "trimap")
    inputs = sources(mask)
    target = destination(output, inputs, force=force)
    size, budget = read_size(inputs[0], "mask", max_pixels=max_pixels), budget_for(("trimap",), force=force, say=note)
    budget.admit(inputs[0], size, 0, kind)
    plane = read_alpha(inputs[0], max_pixels=max_pixels)
    if kind == "mask":
        check_outline(plane)
    write_alpha(target, make(plane, erode=erode, dilate=dilate))
