"""``trimap`` and ``composite``."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from hybridmatte.cli._streams import DEFAULT_MAX_PIXELS, Bits, MaxPixels, Output, destination, sources
from hybridmatte.io.pictures import read_alpha, read_image, read_profile, write_alpha, write_image

Kind = Annotated[str, typer.Option("--from", help="mask: a band along its outline; alpha: its mixed pixels, widened.")]
Inside = Annotated[float | None, typer.Option(min=0, help="Pixels of the object's side that become unknown; default "
                                               "1% of the diagonal (of an alpha: 0.5%).")]
Outside = Annotated[float | None, typer.Option(min=0, help="Pixels outside the object that become unknown; likewise.")]


def trimap(
    plane: Annotated[str, typer.Argument(metavar="MASK", help="Grey picture or cut-out, or - for standard input.")],
    output: Output, kind: Kind = "mask", erode: Inside = None, dilate: Outside = None,
    max_pixels: MaxPixels = DEFAULT_MAX_PIXELS,
):
    """Make a trimap from a mask or from an alpha."""
    from hybridmatte._validation import check_choice
    from hybridmatte.automatic.mattes import check_outline
    from hybridmatte.trimap import trimap_from_alpha, trimap_from_mask

    make = {"mask": trimap_from_mask, "alpha": trimap_from_alpha}[check_choice(kind, "--from", ("mask", "alpha"))]
    inputs = sources(plane)
    target = destination(output, inputs)
    pixels = read_alpha(inputs[0], max_pixels=max_pixels)
    if kind == "mask":
        check_outline(pixels)
    write_alpha(target, make(pixels, erode=erode, dilate=dilate))


def composite(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Photograph, or a cut-out if ALPHA is left out.")],
    output: Output,
    alpha: Annotated[str | None, typer.Argument(metavar="[ALPHA]", help="The photograph's alpha.")] = None,
    background: Annotated[str, typer.Option("--background", "-b", help="Colour (white, #2a5) or picture.")] = "white",
    bits: Bits = 8, max_pixels: MaxPixels = DEFAULT_MAX_PIXELS,
):
    """Put the object on a colour or another picture, its edges cleaned of the old background's colours."""
    from hybridmatte.foreground import composite as put_together
    from hybridmatte.foreground import estimate_foreground

    inputs = sources(*([image] if alpha is None else [image, alpha]))  # a cut-out is its own alpha
    target = destination(output, [*inputs, Path(background)], bits=bits)
    behind = _background(background, max_pixels)
    colours = read_image(inputs[0], max_pixels=max_pixels)
    plane = read_alpha(inputs[-1], max_pixels=max_pixels)
    foreground = colours if alpha is None else estimate_foreground(colours, plane)
    write_image(target, put_together(foreground, plane, behind), bits=bits, profile=read_profile(inputs[0]))


def _background(text, max_pixels):
    """Return a colour by name or #hex, or the picture at a path."""
    from PIL import ImageColor

    if text == "-":
        raise ValueError("background is -, expected a colour or a file; standard input can be the image or the alpha")
    if Path(text).is_file():
        return read_image(text, max_pixels=max_pixels)
    try:
        return np.float32(ImageColor.getrgb(text)[:3]) / 255
    except ValueError:
        raise ValueError(f"background {text} is no colour and no file, expected a name, #rrggbb or a picture") from None
