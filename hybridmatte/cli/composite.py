"""``composite``: the foreground over another background."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hybridmatte.cli.options import MAX_PIXELS, Bits, MaxPixels, Output
from hybridmatte.cli.streams import destination, sources

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def composite(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Photograph, or a cut-out (RGBA) without ALPHA.")],
    output: Output,
    alpha: Annotated[str | None, typer.Argument(metavar="[ALPHA]", help="Alpha of the photograph.")] = None,
    background: Annotated[str, typer.Option("--background", "-b", help="Colour (white, #2a5) or picture.")] = "white",
    bits: Bits = 8,
    max_pixels: MaxPixels = MAX_PIXELS,
) -> None:
    """Put the foreground over a colour or another picture; the old background's colours are removed from its edges."""
    from hybridmatte.foreground import composite as compose
    from hybridmatte.foreground import estimate_foreground
    from hybridmatte.io.pictures import read_alpha, read_image, read_profile, write_image

    inputs = sources(image) if alpha is None else sources(image, alpha)
    target = destination(output, [*inputs, Path(background)], bits=bits)
    new_background = _read_background(background, max_pixels)
    colours = read_image(inputs[0], max_pixels=max_pixels)
    plane = read_alpha(inputs[-1], max_pixels=max_pixels)  # a cut-out contains its alpha
    foreground = colours if alpha is None else estimate_foreground(colours, plane)
    write_image(target, compose(foreground, plane, new_background), bits=bits, profile=read_profile(inputs[0]))


def _read_background(text: str, max_pixels: int) -> npt.NDArray[np.float32]:
    """Return the picture at a path as (H, W, 3), or a colour given by its name or #rrggbb as (3,)."""
    import numpy as np
    from PIL import ImageColor

    from hybridmatte.io.pictures import read_image

    if text == "-":
        raise ValueError("background is -, expected a colour or a file; standard input can be the image or the alpha")
    if Path(text).is_file():
        return read_image(text, max_pixels=max_pixels)
    try:
        colour = np.array(ImageColor.getrgb(text)[:3], np.float32)
    except ValueError:
        raise ValueError(f"background {text} is no colour and no file, expected a name, #rrggbb or a picture") from None
    colour /= 255
    return colour
