"""The work on one job: read its files, compute, write the result. `pool.run_jobs` calls these functions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte._validation import to_float
from hybridmatte.automatic.from_mask import AutomaticResult
from hybridmatte.automatic.refinement import refine
from hybridmatte.batch.pairing import Job
from hybridmatte.correction.matting import Quality, matte_by
from hybridmatte.foreground import cutout, decontaminate
from hybridmatte.io.formats import MAX_PIXELS
from hybridmatte.io.pictures import (
    check_output,
    read_alpha,
    read_image,
    read_profile,
    read_trimap,
    write_alpha,
    write_image,
)
from hybridmatte.io.sizes import check_similar_sizes, check_sizes

__all__ = [
    "FileOptions",
    "automatic_file",
    "check_job_output",
    "cutout_file",
    "decontaminated_file",
    "matte_file",
    "plane_of",
    "refined_file",
]

FloatArray = npt.NDArray[np.float32]


class FileOptions(NamedTuple):
    """Bits a channel to write, and the number of pixels above which a file is not read."""

    bits: int = 8
    max_pixels: int = MAX_PIXELS


def matte_file(job: Job, *, method: str | None = None, quality: Quality | None = None, files: FileOptions) -> None:
    """Solve for the alpha of a job's image and trimap, see `hybridmatte.matte`, and write it as a grey picture."""
    image, trimap = _read_image_and_trimap(job, files)
    write_alpha(job.output, matte_by(image, trimap, method, quality), bits=files.bits)


def cutout_file(job: Job, *, method: str | None = None, quality: Quality | None = None, files: FileOptions) -> None:
    """Solve for the alpha of a job's image and trimap, and write the cut-out as RGBA."""
    image, trimap = _read_image_and_trimap(job, files)
    _write_rgba(job, cutout(image, trimap, method=method, quality=quality), files)


def refined_file(job: Job, *, trimap: str | None = None, confidence: float | None = None, files: FileOptions) -> None:
    """Bring a job's alpha to its image's size and edges, see `hybridmatte.refine`; trimap is a path."""
    check_job_output(job)
    check_similar_sizes(job.image, plane_of(job), "alpha", max_pixels=files.max_pixels)
    if trimap is not None:
        check_sizes(job.image, trimap, "trimap", max_pixels=files.max_pixels)
    image = read_image(job.image, max_pixels=files.max_pixels)
    alpha = read_alpha(plane_of(job), max_pixels=files.max_pixels)
    known = None if trimap is None else read_trimap(trimap, max_pixels=files.max_pixels)
    write_alpha(job.output, refine(image, alpha, known, confidence=confidence), bits=files.bits)


def decontaminated_file(job: Job, *, files: FileOptions) -> None:
    """Write the cut-out of a job's image and alpha as RGBA, see `hybridmatte.decontaminate`."""
    check_job_output(job)
    check_sizes(job.image, plane_of(job), "alpha", max_pixels=files.max_pixels)
    image = read_image(job.image, max_pixels=files.max_pixels)
    _write_rgba(job, decontaminate(image, read_alpha(plane_of(job), max_pixels=files.max_pixels)), files)


def automatic_file(
    job: Job,
    *,
    estimate: Callable[..., AutomaticResult],
    invert: bool = False,
    alpha_only: bool = False,
    trimap_output: Path | BinaryIO | None = None,
    files: FileOptions,
) -> None:
    """Write the cut-out of a job's image, with its mask or from the image alone.

    estimate takes the image, and the mask if the job has one: `hybridmatte.matte_from_mask`,
    `hybridmatte.matte_from_image`, or a function of `network_work`. With invert, the mask is white where the object is
    not. With alpha_only, alpha is written instead of the cut-out. trimap_output receives the trimap that was found.
    """
    check_job_output(job)
    if job.plane is not None:
        check_similar_sizes(job.image, job.plane, "mask", max_pixels=files.max_pixels)
    image = read_image(job.image, max_pixels=files.max_pixels)
    if job.plane is None:
        result = estimate(image)
    else:
        mask = to_float(read_alpha(plane_of(job), max_pixels=files.max_pixels, name="mask"), "mask")
        result = estimate(image, 1 - mask if invert else mask)
    if alpha_only:
        write_alpha(job.output, result.alpha, bits=files.bits)
    else:
        _write_rgba(job, decontaminate(image, result.alpha), files)
    if trimap_output is not None and result.trimap is not None:
        write_alpha(trimap_output, result.trimap)


def check_job_output(job: Job) -> None:
    """Refuse a file to write that is also an input or cannot be written."""
    if isinstance(job.output, Path):
        check_output(job.output, inputs=[path for path in (job.image, job.plane) if isinstance(path, Path)])


def plane_of(job: Job) -> Path | BinaryIO:
    """Return the trimap, mask or alpha of a job that must have one."""
    if job.plane is None:
        raise ValueError(f"{job.image} has neither trimap, mask nor alpha, expected one")
    return job.plane


def _read_image_and_trimap(job: Job, files: FileOptions) -> tuple[FloatArray, FloatArray]:
    """Read a job's image and trimap, after the check of the file to write and of their sizes."""
    check_job_output(job)
    check_sizes(job.image, plane_of(job), "trimap", max_pixels=files.max_pixels)
    image = read_image(job.image, max_pixels=files.max_pixels)
    return image, read_trimap(plane_of(job), max_pixels=files.max_pixels)


def _write_rgba(job: Job, cut: FloatArray, files: FileOptions) -> None:
    """Write a cut-out with the colour profile of its image."""
    write_image(job.output, cut, bits=files.bits, profile=read_profile(job.image))
