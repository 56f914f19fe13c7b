"""``auto``: cut out with a mask alone."""

from typing import Annotated

import numpy as np
import typer

from hybridmatte.cli._cut import Method, patient
from hybridmatte.cli._planes import Inside, Outside
from hybridmatte.cli._streams import DEFAULT_MAX_PIXELS, Bits, MaxPixels, Output, destination, note, sources
from hybridmatte.image import read_alpha, read_image, read_profile, write_alpha, write_image

NetworkName = Annotated[str | None, typer.Option(
    "--network", help="Folder of a joint network, or OWNER/NAME on the hub; else erosion, dilation and --method.")]


def auto(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Photograph, or - for standard input.")],
    output: Output,
    mask: Annotated[str, typer.Option(
        "--mask", metavar="MASK", help="White where the object is: any segmenter's, of any size, or drawn.")],
    matte: Annotated[bool, typer.Option("--matte", help="Write alpha instead of the cut-out.")] = False,
    trimap: Annotated[str | None, typer.Option("--trimap", metavar="FILE", help="Write the trimap found, too.")] = None,
    network: NetworkName = None, method: Method = None, erode: Inside = None, dilate: Outside = None,
    invert: Annotated[bool, typer.Option("--invert", help="The mask is white where the object is not.")] = False,
    bits: Bits = 8, max_pixels: MaxPixels = DEFAULT_MAX_PIXELS,
):
    """Cut the object out by a rough mask: no trimap needed."""
    from hybridmatte.automatic import matte_from_mask
    from hybridmatte.foreground import estimate_foreground

    inputs = sources(image, mask)
    target = destination(output, inputs, bits=bits, transparent=not matte)
    trimap_target = None if trimap is None else destination(trimap, inputs)
    pixels, plane = (read(path, max_pixels=max_pixels) for read, path in zip((read_image, read_alpha), inputs,
                                                                             strict=True))
    with patient():
        found = matte_from_mask(pixels, 1 - _as_float(plane) if invert else plane, method=method,
                                network=_joint(network), erode=erode, dilate=dilate)
        if matte:
            write_alpha(target, found.alpha, bits=bits)
        else:
            cut = np.dstack([estimate_foreground(pixels, found.alpha), found.alpha])
            write_image(target, cut, bits=bits, profile=read_profile(inputs[0]))
    if trimap_target is not None:
        write_alpha(trimap_target, found.trimap)
    note(found.how)


def _as_float(plane):
    from hybridmatte._check import check_plane

    return check_plane(plane, "mask")


def _joint(name):
    """Return the network of that name, which must be one that takes a mask."""
    if name is None:
        return None
    from hybridmatte.networks import JointInference, load_network

    network = load_network(name)
    if not isinstance(network, JointInference):
        raise ValueError(f"network {name} is a {type(network).__name__}, expected a JointInference, which takes a mask")
    return network
