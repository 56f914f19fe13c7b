"""``composite``: the foreground over another background."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hybridmatte.cli.options import MAX_PIXELS, Bits, DropGps, Force, MaxPixels, OutputOrFolder
from hybridmatte.cli.streams import destination, note, output_or_default, sources

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def composite(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Photograph, or a cut-out (RGBA) without ALPHA.")],
    output: OutputOrFolder = None,
    alpha: Annotated[str | None, typer.Argument(metavar="[ALPHA]", help="Alpha of the photograph.")] = None,
    background: Annotated[str, typer.Option("--background", "-b", help="Colour (white, #2a5) or picture.")] = "white",
    bits: Bits = 8,
    max_pixels: MaxPixels = MAX_PIXELS,
    drop_gps: DropGps = False,
    force: Force = False,
) -> None:
    """Put the foreground over a colour or another picture; the old background's colours are removed from its edges.

    The background is converted to the photograph's colour profile. A colour is one of sRGB.
    """
    from hybridmatte.batch.budget import budget_for
    from hybridmatte.foreground import composite as compose
    from hybridmatte.foreground import estimate_foreground
    from hybridmatte.io.metadata import check_turning, read_photograph
    from hybridmatte.io.pictures import read_alpha, read_size, write_image
    from hybridmatte.io.profiles import convert_colours
    from hybridmatte.io.sizes import check_sizes

    output = output_or_default(output, image, "composite")
    inputs = sources(image) if alpha is None else sources(image, alpha)
    target = destination(output, [*inputs, Path(background)], bits=bits, force=force)
    size = read_size(inputs[0], max_pixels=max_pixels)
    if alpha is not None:
        check_sizes(*inputs, "alpha", max_pixels=max_pixels)
    budget_for(("composite",), force=force, say=note).admit(inputs[0], size, 0)
    new_background, profile = _read_background(background, max_pixels)
    colours, metadata = read_photograph(inputs[0], max_pixels=max_pixels, gps=not drop_gps)
    new_background = convert_colours(new_background, profile, metadata.profile, f"background {background} or {image}")
    plane = read_alpha(inputs[-1], max_pixels=max_pixels)  # a cut-out contains its alpha
    if alpha is not None:
        check_turning(inputs[0], colours.shape, metadata.orientation, inputs[1], plane.shape, "alpha")
    foreground = colours if alpha is None else estimate_foreground(colours, plane)
    write_image(
        target,
        compose(foreground, plane, new_background),
        bits=bits,
        profile=metadata.profile,
        exif=metadata.exif,
        resolution=metadata.resolution,
    )


def _read_background(text: str, max_pixels: int) -> tuple[npt.NDArray[np.float32], bytes | None]:
    """Return the picture at a path as (H, W, 3), or a colour given by its name or #rrggbb as (3,), and its profile."""
    import numpy as np
    from PIL import ImageColor

    from hybridmatte.io.metadata import read_photograph

    if text == "-":
        raise ValueError("background is -, expected a colour or a file; standard input can be the image or the alpha")
    if Path(text).is_file():
        picture, metadata = read_photograph(text, max_pixels=max_pixels)
        return picture, metadata.profile
    try:
        colour = ImageColor.getrgb(text)
    except ValueError:
        raise ValueError(f"background {text} is no colour and no file, expected a name, #rrggbb or a picture") from None
    if colour[3:] not in ((), (255,)):
        raise ValueError(f"background {text} is a transparent colour, expected an opaque one")
    return (np.array(colour[:3]) / 255).astype(np.float32), None
