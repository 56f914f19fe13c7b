"""The result of a job from one OpenEXR file to another, in linear light, so that light above 1 is kept."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hybridmatte.batch.backgrounds import check_colour
from hybridmatte.batch.pairing import Job
from hybridmatte.foreground import Fit
from hybridmatte.io.exr import is_exr, read_exr, write_exr
from hybridmatte.io.light import to_light
from hybridmatte.io.outputs import is_light_file
from hybridmatte.io.pictures import read_image
from hybridmatte.linear_light import fitted_light, foreground_light, over_light

__all__ = ["keeps_light", "write_light"]

FloatArray = npt.NDArray[np.float32]


def keeps_light(job: Job) -> bool:
    """Return whether the image of a job and its result are OpenEXR files."""
    return isinstance(job.output, Path) and is_light_file(job.output) and is_exr(job.image)


def write_light(job: Job, alpha: FloatArray, *, bits: int, fit: Fit, max_pixels: int) -> None:
    """Write the cut-out of a job's image by an alpha (H, W), or its picture over the job's background.

    Without a trimap, mask or alpha of the job, and with a background, the image is a cut-out whose colours are taken
    as they are.
    """
    light = read_exr(job.image, max_pixels=max_pixels)
    is_cutout = job.background is not None and job.plane is None and light.alpha is not None
    colour = light.colour if is_cutout else foreground_light(light.colour, alpha)
    kept: FloatArray | None = alpha
    if job.background is not None:
        behind = _background_light(job.background, max_pixels)
        colour, kept = over_light(colour, alpha, fitted_light(behind, alpha.shape, fit)), None
    write_exr(job.output, colour, kept, bits=max(bits, 16), chromaticities=light.chromaticities)


def _background_light(background: Path | str, max_pixels: int) -> FloatArray:
    """Return a background as linear light: a colour (3,), or a picture (h, w, 3)."""
    if not os.path.isfile(background):
        return to_light(check_colour(os.fspath(background)))
    if is_exr(background):
        return read_exr(background, max_pixels=max_pixels).colour
    return to_light(read_image(background, max_pixels=max_pixels))
