"""``auto``: alpha or a cut-out without a trimap, from a mask or from the image alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from hybridmatte.batch.pairing import is_many
from hybridmatte.cli.backgrounds import checked_background
from hybridmatte.cli.folder_run import Request, run
from hybridmatte.cli.options import (
    MAX_PIXELS,
    Background,
    Bits,
    Dilate,
    DropGps,
    Erode,
    FitOption,
    Force,
    Image,
    Json,
    MaxPixels,
    Method,
    OutputOrFolder,
    Quiet,
    Recursive,
    Resume,
    Workers,
)
from hybridmatte.cli.streams import destination, output_or_default

if TYPE_CHECKING:
    from hybridmatte.automatic.from_mask import AutomaticResult

BUILT_IN_NETWORK = "people"  # the default of --network without --mask

NetworkName = Annotated[
    str | None,
    typer.Option(
        "--network",
        help="Folder of a network, or OWNER/NAME on the Hugging Face hub: with --mask a joint network, "
        "without it a network that needs only the image. Default: with --mask the solver of --method, without it the "
        "built-in network for people and that solver.",
    ),
]


def auto(
    image: Image,
    output: OutputOrFolder = None,
    mask: Annotated[
        str | None,
        typer.Option(
            "--mask",
            metavar="MASK",
            help="Mask, white where the object is, from a segmenter or drawn, at any size of the same aspect ratio; "
            "or one for all photographs, a folder or quoted pattern of masks with the same file stems, or a name "
            "pattern ('{stem}_mask.png'). Without a mask, a network finds the object.",
        ),
    ] = None,
    matte: Annotated[bool, typer.Option("--matte", help="Write alpha instead of the cut-out.")] = False,
    trimap: Annotated[
        str | None,
        typer.Option("--trimap", metavar="FILE", help="Also write the trimap that was found; for a single image."),
    ] = None,
    network: NetworkName = None,
    method: Method = None,
    erode: Erode = None,
    dilate: Dilate = None,
    invert: Annotated[bool, typer.Option("--invert", help="The mask is white where the object is not.")] = False,
    bits: Bits = 8,
    workers: Workers = 1,
    resume: Resume = False,
    max_pixels: MaxPixels = MAX_PIXELS,
    drop_gps: DropGps = False,
    force: Force = False,
    _quiet: Quiet = False,
    _json: Json = False,
    recursive: Recursive = False,
    background: Background = None,
    fit: FitOption = None,
) -> None:
    """Cut the object out without a trimap: by a rough mask, or by a network that finds the object.

    hybridmatte auto cat.jpg --mask cat_mask.png -o cat.png --background "#20a040"

    hybridmatte auto "photos/*.jpg" --mask "{stem}_mask.png" -o cutouts
    """
    from hybridmatte.batch.work import FileOptions, automatic_file
    from hybridmatte.methods.registry import DEFAULT_METHOD

    output = output_or_default(output, image, "alpha" if matte else "cutout")
    if matte and background is not None:
        raise ValueError(f"--background is {background}, expected none with --matte")
    background, how = checked_background(background, fit)
    network = None if mask is None and network == BUILT_IN_NETWORK else network
    _refuse_options_without_effect(mask, network, trimap, method, erode, dilate, invert)
    trimap_output = None if trimap is None else _trimap_destination(trimap, image, mask, output, force or resume)
    estimate, description = _estimator(mask is not None, network, method, erode, dilate)
    work = partial(
        automatic_file,
        estimate=estimate,
        invert=invert,
        alpha_only=matte,
        trimap_output=trimap_output,
        files=FileOptions(bits, max_pixels, drop_gps, how),
    )
    tasks = ("reading" if network is not None else method or DEFAULT_METHOD, "reading" if matte else "decontaminate")
    request = Request(
        image,
        mask,
        output,
        "mask",
        bits,
        not matte and background is None,
        workers,
        resume,
        description,
        tasks,
        force,
        background=background,
        recursive=recursive,
    )
    run(request, work)


def _refuse_options_without_effect(
    mask: str | None,
    network: str | None,
    trimap: str | None,
    method: str | None,
    erode: float | None,
    dilate: float | None,
    invert: bool,
) -> None:
    """Refuse options that the given mask and network leave without effect."""
    without_effect = []
    if mask is None:
        without_effect.append(("--invert", invert or None, "without --mask"))
    if network is not None:
        without_effect += [
            (name, value, "with --network")
            for name, value in (("--method", method), ("--erode", erode), ("--dilate", dilate))
        ]
        if mask is None:
            without_effect.append(("--trimap", trimap, "with a --network that needs no --mask"))
    for name, value, where in without_effect:
        if value is not None:
            raise ValueError(f"{name} is {value}, expected none {where}")


def _estimator(
    has_mask: bool, network: str | None, method: str | None, erode: float | None, dilate: float | None
) -> tuple[Callable[..., AutomaticResult], str]:
    """Return the function that estimates alpha, and its description; load a network before anything is written."""
    from hybridmatte.automatic.from_image import matte_from_image
    from hybridmatte.automatic.from_mask import check_method, describe_method, matte_from_mask

    if network is None:
        method = check_method(method)
        estimate = partial(matte_from_mask if has_mask else matte_from_image, method=method, erode=erode, dilate=dilate)
        return estimate, describe_method(method, has_mask=has_mask)
    from hybridmatte.batch import network_work  # imports torch

    if has_mask:
        network_work.load_mask_network(network)
        estimate = partial(network_work.matte_by_mask_network, network=network)
    else:
        network_work.load_image_network(network)
        estimate = partial(network_work.matte_by_image_network, network=network)
    return estimate, describe_method(None, has_network=True, has_mask=has_mask)


def _trimap_destination(trimap: str, image: str, mask: str | None, output: str, force: bool) -> Path | BinaryIO:
    """Return the file for the trimap; refuse it for a folder, and if it is another file of the command."""
    if is_many(image):
        raise ValueError(f"--trimap is {trimap}, expected none for a folder of images")
    if Path(trimap).absolute() == Path(output).absolute():
        raise ValueError(f"--trimap is {trimap}, expected another file than the output")
    return destination(trimap, [Path(name) for name in (image, mask) if name not in (None, "-")], force=force)
