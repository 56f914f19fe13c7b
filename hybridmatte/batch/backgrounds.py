"""Backgrounds of results: a colour, or a picture of any size, in the colours of the photograph's profile."""

from __future__ import annotations

import os
import re

import numpy as np
import numpy.typing as npt
from PIL import ImageColor

from hybridmatte.foreground import Fit, composite
from hybridmatte.io.formats import MAX_PIXELS
from hybridmatte.io.metadata import read_photograph
from hybridmatte.io.profiles import convert_colours

__all__ = ["TRANSPARENT", "check_colour", "colour_of", "over_background"]

HEXADECIMAL = re.compile("[0-9A-Fa-f]{6}|[0-9A-Fa-f]{3}")
TRANSPARENT = "transparent"  # the background of a result that keeps its alpha


def check_colour(text: str, name: str = "background") -> npt.NDArray[np.float32]:
    """Return what `colour_of` does; refuse the names of folders and of standard input with sentences of their own."""
    if text == "-":
        raise ValueError(f"{name} is -, expected a colour or a file; standard input can be the image or the alpha")
    if os.path.isdir(text):
        raise IsADirectoryError(f"{name} {text} is a folder, expected a colour or a picture for a single image")
    return colour_of(text, name)


def colour_of(text: str, name: str = "background") -> npt.NDArray[np.float32]:
    """Return an sRGB colour (3,) in [0, 1] by its name or #rrggbb, as `PIL.ImageColor` takes them.

    The text is not looked up among files.
    """
    try:
        colour = ImageColor.getrgb(text)
    except ValueError:
        hint = f"; did you mean '#{text}'?" if HEXADECIMAL.fullmatch(text) else ""
        raise ValueError(
            f"{name} {text} is no colour and no file, expected a name, #rrggbb, rgb(r, g, b), hsl(h, s%, l%), "
            f"hsv(h, s%, v%), a picture or {TRANSPARENT}{hint}"
        ) from None
    if colour[3:] not in ((), (255,)):
        raise ValueError(f"{name} {text} is a transparent colour, expected an opaque one, or {TRANSPARENT}")
    return (np.array(colour[:3]) / 255).astype(np.float32)


def over_background(
    cut: npt.NDArray[np.float32],
    background: str | os.PathLike[str],
    *,
    fit: Fit = "cover",
    profile: bytes | None = None,
    max_pixels: int = MAX_PIXELS,
) -> npt.NDArray[np.float32]:
    """Put a cut-out over a background.

    Parameters
    ----------
    cut : (H, W, 4) array
        Straight RGBA in [0, 1].
    background : str or path
        A picture, or a colour of sRGB. Its colours are converted to those of the cut-out.
    fit : {"cover", "contain", "stretch"}, default "cover"
        See `hybridmatte.composite`.
    profile : bytes, optional
        ICC profile of the cut-out; sRGB without it.
    max_pixels : int, default 200 million
        Pixels above which a picture is not read.

    Returns
    -------
    image : (H, W, 3) float32 array
        In [0, 1].

    Raises
    ------
    ValueError
        If background is no colour and no picture, or a profile cannot be used.
    """
    if os.path.isfile(background):
        colours, own = read_photograph(background, max_pixels=max_pixels)
        own_profile = own.profile
    else:
        colours, own_profile = check_colour(os.fspath(background)), None
    colours = convert_colours(colours, own_profile, profile, f"background {background} or its image")
    return composite(cut[..., :3], cut[..., 3], colours, fit=fit)
