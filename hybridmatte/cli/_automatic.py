"""``auto``: cut out with a mask alone, one image or a folder of them."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from hybridmatte.batch.jobs import automatic_file, load_automatic, load_joint
from hybridmatte.cli._cut import Image, Method, Output, Resume, Workers, checked, run_or_say
from hybridmatte.cli._planes import Inside, Outside
from hybridmatte.cli._streams import DEFAULT_MAX_PIXELS, Bits, MaxPixels, destination, note
from hybridmatte.io.pictures import write_alpha

NetworkName = Annotated[str | None, typer.Option(
    "--network", help="Folder of a joint network, or of an automatic one without --mask, or OWNER/NAME on the hub. "
    "Without it: erosion, dilation and --method; without --mask too, the network for people that comes along.")]


def auto(
    image: Image,
    output: Output,
    mask: Annotated[str | None, typer.Option(
        "--mask", metavar="MASK", help="White where the object is: any segmenter's, at any size of the same aspect "
        "ratio, or drawn; or a folder with the same stems. Without it a network finds the object.")] = None,
    matte: Annotated[bool, typer.Option("--matte", help="Write alpha instead of the cut-out.")] = False,
    trimap: Annotated[str | None, typer.Option("--trimap", metavar="FILE", help="Write the trimap found, too; of "
                                               "one image.")] = None,
    network: NetworkName = None, method: Method = None, erode: Inside = None, dilate: Outside = None,
    invert: Annotated[bool, typer.Option("--invert", help="The mask is white where the object is not.")] = False,
    bits: Bits = 8, workers: Workers = 1, resume: Resume = False, max_pixels: MaxPixels = DEFAULT_MAX_PIXELS,
):
    """Cut the object out by a rough mask, or by a network that needs none: no trimap needed."""
    from hybridmatte.automatic.mattes import how_made

    network = None if mask is None and network == "people" else network  # the default
    if mask is None:
        _refuse({"--invert": invert or None}, "without --mask")
    if network is not None:
        _refuse({"--method": method, "--erode": erode, "--dilate": dilate}, "with --network")
        _refuse({"--trimap": None if mask else trimap}, "with a --network that needs no --mask")
    work = partial(automatic_file, method=None if network else checked(method), network=network, erode=erode,
                   dilate=dilate, invert=invert, matte=matte, bits=bits, max_pixels=max_pixels)
    if trimap is not None:
        if Path(image).is_dir():
            raise ValueError(f"--trimap is {trimap}, expected none for a folder of images")
        if Path(trimap).absolute() == Path(output).absolute():
            raise ValueError(f"--trimap is {trimap}, expected another file than the output")
        inputs = [Path(name) for name in (image, mask) if name not in (None, "-")]
        work = partial(_both, work, destination(trimap, inputs))
    if network is not None:
        (load_automatic if mask is None else load_joint)(network)  # once for all, and before anything is written
    note(how_made(checked(method), network, has_mask=mask is not None))
    parts = () if matte else ("colours",)
    run_or_say(image, mask, output, work, bits, workers, resume, not matte, name="mask", parts=parts)


def _refuse(options, where):
    """Refuse options that are given and would have no effect."""
    for name, value in options.items():
        if value is not None:
            raise ValueError(f"{name} is {value}, expected none {where}")


def _both(work, target, job):
    """Do a job and write the trimap found."""
    write_alpha(target, work(job))
