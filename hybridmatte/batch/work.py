"""The work on one job: read its files, compute, write the result. `pool.run_jobs` calls these functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from hybridmatte.automatic.band import INSIDE_MIN
from hybridmatte.automatic.finding import found_in
from hybridmatte.automatic.found import Findings, summarize_confidence
from hybridmatte.automatic.from_mask import AutomaticResult
from hybridmatte.automatic.mask_checks import INVERT, check_outline, warn_if_inverted
from hybridmatte.automatic.refinement import KNOWN_MAX, enlarged, refine
from hybridmatte.automatic.segmenters import has_run
from hybridmatte.batch.backgrounds import over_background
from hybridmatte.batch.budget import UNLIMITED, Budget
from hybridmatte.batch.light import keeps_light, write_light
from hybridmatte.batch.pairing import Job, partner_of
from hybridmatte.correction.confidence import matte_with_confidence
from hybridmatte.correction.matting import Quality, matte_by
from hybridmatte.correction.weights import RESEARCH, WeightsKind
from hybridmatte.foreground import Fit, cutout, decontaminate, estimate_foreground
from hybridmatte.io.formats import MAX_PIXELS
from hybridmatte.io.masks import check_mask_size, is_array_file, read_mask, read_mask_size
from hybridmatte.io.metadata import Metadata, check_turning, read_photograph
from hybridmatte.io.pictures import (
    check_output,
    read_alpha,
    read_opacity,
    read_size,
    read_trimap,
    write_alpha,
    write_image,
)
from hybridmatte.io.sizes import check_similar_sizes, check_sizes
from hybridmatte.trimap import split_trimap, trimap_from_alpha, trimap_from_mask

__all__ = [
    "FileOptions",
    "automatic_file",
    "check_job_output",
    "composite_file",
    "cutout_file",
    "decontaminated_file",
    "matte_file",
    "plane_of",
    "read_image_and_mask",
    "read_image_and_plane",
    "refined_file",
    "trimap_file",
    "write_plane",
]

FloatArray = npt.NDArray[np.float32]


class FileOptions(NamedTuple):
    """Bits a channel to write, pixels above which a file is not read, and whether results omit the place (GPS).

    fit says how the background of a job, if it has one, is brought to the size of its image.
    """

    bits: int = 8
    max_pixels: int = MAX_PIXELS
    drop_gps: bool = False
    fit: Fit = "cover"


def matte_file(
    job: Job,
    *,
    method: str | None = None,
    quality: Quality | None = None,
    weights: WeightsKind = RESEARCH,
    files: FileOptions,
    budget: Budget = UNLIMITED,
) -> Findings | None:
    """Solve for the alpha of a job's image and trimap, see `hybridmatte.matte`, and write it as a grey picture.

    A job with a file for the confidence takes the quality "best", and its confidence is returned in short.
    """
    image, trimap, metadata = _read_image_and_trimap(job, files, budget)
    if job.confidence is None:
        write_plane(job, matte_by(image, trimap, method, quality, weights), metadata, files)
        return None
    alpha, confidence = matte_with_confidence(image, trimap, weights=weights)
    write_plane(job, alpha, metadata, files)
    return _write_confidence(job, confidence, trimap, metadata, files)


def cutout_file(
    job: Job,
    *,
    method: str | None = None,
    quality: Quality | None = None,
    weights: WeightsKind = RESEARCH,
    files: FileOptions,
    budget: Budget = UNLIMITED,
) -> Findings | None:
    """Solve for the alpha of a job's image and trimap, and write the cut-out as RGBA; the rest is as `matte_file`."""
    image, trimap, metadata = _read_image_and_trimap(job, files, budget)
    if job.confidence is None:
        cut = cutout(image, trimap, method=method, quality=quality, weights=weights)
        _write_rgba(job, cut, metadata, files)
        return None
    alpha, confidence = matte_with_confidence(image, trimap, weights=weights)
    _write_rgba(job, decontaminate(image, alpha), metadata, files)
    return _write_confidence(job, confidence, trimap, metadata, files)


def refined_file(
    job: Job,
    *,
    trimap: str | Path | BinaryIO | None = None,
    confidence: float | None = None,
    files: FileOptions,
    budget: Budget = UNLIMITED,
) -> None:
    """Bring a job's alpha to its image's size and edges, see `hybridmatte.refine`.

    trimap is a name pattern, or a file by its path or opened.
    """
    if trimap is not None:
        trimap = partner_of(trimap, str(job.image), "trimap") if isinstance(trimap, str) else trimap
        check_sizes(job.image, trimap, "trimap", max_pixels=files.max_pixels)
        if isinstance(job.output, Path) and isinstance(trimap, str | Path):
            check_output(job.output, inputs=[trimap])
    image, alpha, metadata = read_image_and_plane(job, "alpha", files, check_similar_sizes, budget)
    known = None
    if trimap is not None:
        known = read_trimap(trimap, max_pixels=files.max_pixels)
        check_turning(job.image, image.shape, metadata.orientation, trimap, known.shape, "trimap")
    mixed = (alpha > KNOWN_MAX) & (alpha < 1 - KNOWN_MAX)  # the least that is solved for
    _check_unknown(job, budget, image.shape[:2], mixed if known is None else split_trimap(known).is_unknown)
    write_plane(job, refine(image, alpha, known, confidence=confidence), metadata, files)


def decontaminated_file(job: Job, *, files: FileOptions, budget: Budget = UNLIMITED) -> None:
    """Write the cut-out of a job's image and alpha as RGBA, see `hybridmatte.decontaminate`."""
    image, alpha, metadata = read_image_and_plane(job, "alpha", files, budget=budget)
    budget.admit(job.image, image.shape[:2], 0)
    _write_rgba(job, decontaminate(image, alpha), metadata, files)


def automatic_file(
    job: Job,
    *,
    estimate: Callable[..., AutomaticResult],
    find: Callable[[FloatArray], FloatArray] | None = None,
    invert: bool = False,
    label: int | None = None,
    square: bool = False,
    alpha_only: bool = False,
    has_solver: bool = False,
    is_corrected: bool = False,
    trimap_output: Path | BinaryIO | None = None,
    files: FileOptions,
    budget: Budget = UNLIMITED,
) -> Findings:
    """Write the cut-out of a job's image, with its mask or from the image alone; return what there is to say of it.

    estimate takes the image, and a mask if the job has one or `find` is given: `hybridmatte.matte_from_mask`,
    `matte_found`, or a function of `network_work`. find takes the image and returns its mask. label and square say how
    a mask is read, see `hybridmatte.matte_from_mask`. With invert, the mask is white where the object is not. With
    alpha_only, alpha is written instead of the cut-out. trimap_output receives the trimap that was found. With
    has_solver, estimate takes `admit`, see ``hybridmatte.automatic.from_mask.solve_mask``; then the memory of the solve
    is held against the budget as soon as the trimap is known. is_corrected tells that the bundled network corrects
    masks before the solve; then its memory is held against the budget, too. For a job with a file for the confidence,
    the result of estimate must have one.
    """
    found = None
    if job.plane is None:
        check_job_output(job)
        budget.check(job.image, read_size(job.image, max_pixels=files.max_pixels))
        image, metadata = read_photograph(job.image, max_pixels=files.max_pixels, gps=not files.drop_gps)
        mask = None if find is None else find(image)
        found = None if mask is None else found_in(mask)
        budget = budget if mask is None else budget.beside_network(image.shape[:2])
    else:
        image, mask, metadata = read_image_and_mask(job, files, label=label, square=square, budget=budget)
        mask = 1 - mask if invert else mask
    if is_corrected and mask is not None and mask.max() >= INSIDE_MIN:
        is_counted = find is not None and has_run("refiner")
        budget = budget.beside_correction(job.image, image.shape[:2], is_counted=is_counted)
    planes = (image,) if mask is None else (image, mask)
    options: dict[str, Any] = {"admit": partial(_admit, job, budget, image.shape[:2])} if has_solver else {}
    if invert:
        options["is_inverted"] = True
    result = estimate(*planes, **options)
    if alpha_only:
        write_plane(job, result.alpha, metadata, files)
    elif job.plane is None and not result.alpha.any():  # without a warning: that nothing is found was said
        _write_rgba(job, np.dstack([estimate_foreground(image, result.alpha), result.alpha]), metadata, files)
    else:
        _write_rgba(job, decontaminate(image, result.alpha), metadata, files)
    if trimap_output is not None and result.trimap is not None:
        write_alpha(trimap_output, result.trimap)
    findings = Findings(found, result.correction, result.guessed)
    if result.correction is not None and result.correction.is_applied:
        findings = findings._replace(description=result.description.removesuffix(f"; {result.correction}"))
    if result.confidence is None or result.trimap is None:
        return findings
    written = _write_confidence(job, result.confidence, result.trimap, metadata, files)
    return findings._replace(confidence=written.confidence)


def composite_file(job: Job, *, files: FileOptions, budget: Budget = UNLIMITED) -> None:
    """Put a job's image over its background, by its alpha, or by its own transparency if the job has no alpha."""
    if job.plane is None:
        check_job_output(job)
        budget.admit(job.image, read_size(job.image, max_pixels=files.max_pixels), 0)
        image, metadata = read_photograph(job.image, max_pixels=files.max_pixels, gps=not files.drop_gps)
        cut = np.dstack([image, read_opacity(job.image, max_pixels=files.max_pixels)])
    else:
        image, alpha, metadata = read_image_and_plane(job, "alpha", files, budget=budget)
        budget.admit(job.image, image.shape[:2], 0)
        cut = np.dstack([estimate_foreground(image, alpha), alpha])
    _write_rgba(job, cut, metadata, files)


def trimap_file(
    job: Job,
    *,
    kind: Literal["mask", "alpha"] = "mask",
    erode: float | None = None,
    dilate: float | None = None,
    label: int | None = None,
    files: FileOptions,
    budget: Budget = UNLIMITED,
) -> None:
    """Make a trimap of a job's image, which is a mask or an alpha, as kind says; label is that of `read_mask`."""
    check_job_output(job)
    if kind == "mask":
        budget.admit(job.image, read_mask_size(job.image, max_pixels=files.max_pixels), 0, kind)
        plane = read_mask(job.image, label=label, max_pixels=files.max_pixels)
        check_outline(plane)
        warn_if_inverted(plane, INVERT)
        found = trimap_from_mask(plane, erode=erode, dilate=dilate)
    else:
        budget.admit(job.image, read_size(job.image, kind, max_pixels=files.max_pixels), 0, kind)
        plane = read_alpha(job.image, max_pixels=files.max_pixels)
        found = trimap_from_alpha(plane, erode=erode, dilate=dilate)
    write_alpha(job.output, found, bits=files.bits)


def check_job_output(job: Job) -> None:
    """Refuse a file to write that is also an input or cannot be written."""
    inputs = [path for path in (job.image, job.plane, job.background) if isinstance(path, Path)]
    for output in (job.output, job.confidence):
        if isinstance(output, Path):
            check_output(output, inputs=inputs)


def plane_of(job: Job) -> Path | BinaryIO:
    """Return the trimap, mask or alpha of a job that must have one."""
    if job.plane is None:
        raise ValueError(f"{job.image} has neither trimap, mask nor alpha, expected one")
    return job.plane


def read_image_and_plane(
    job: Job,
    name: str,
    files: FileOptions,
    check: Callable[..., tuple[int, int]] = check_sizes,
    budget: Budget = UNLIMITED,
) -> tuple[FloatArray, FloatArray, Metadata]:
    """Read a job's image, its trimap, mask or alpha, and the image's metadata.

    The file to write is checked before, the sizes by `check`, a function of ``hybridmatte.io.sizes``, and the least
    memory that the job takes.
    """
    check_job_output(job)
    budget.check(job.image, check(job.image, plane_of(job), name, max_pixels=files.max_pixels))
    image, metadata = read_photograph(job.image, max_pixels=files.max_pixels, gps=not files.drop_gps)
    path = plane_of(job)
    if name == "trimap":
        plane = read_trimap(path, max_pixels=files.max_pixels)
    else:
        plane = read_alpha(path, max_pixels=files.max_pixels, name=name)
    check_turning(job.image, image.shape, metadata.orientation, path, plane.shape, name)
    return image, plane, metadata


def _read_image_and_trimap(job: Job, files: FileOptions, budget: Budget) -> tuple[FloatArray, FloatArray, Metadata]:
    """Read a job's image, its trimap and the image's metadata; refuse a job that needs more memory than its budget."""
    image, trimap, metadata = read_image_and_plane(job, "trimap", files, budget=budget)
    _check_unknown(job, budget, trimap.shape, split_trimap(trimap).is_unknown)
    return image, trimap, metadata


def _check_unknown(job: Job, budget: Budget, shape: tuple[int, ...], is_unknown: npt.NDArray[np.bool_]) -> None:
    """Hold the memory for a job's unknown pixels, given at any size, against the budget, and say what it is."""
    height, width = shape[:2]
    unknown = round(float(is_unknown.mean()) * height * width)
    budget.admit(job.image, (height, width), unknown)


def _admit(job: Job, budget: Budget, shape: tuple[int, int], unknown: int, is_final: bool) -> None:
    """Hold the memory for so many unknown pixels against the budget; say what it is if no more become unknown."""
    (budget.admit if is_final else budget.check)(job.image, shape, unknown)


def read_image_and_mask(
    job: Job, files: FileOptions, *, label: int | None = None, square: bool = False, budget: Budget = UNLIMITED
) -> tuple[FloatArray, FloatArray, Metadata]:
    """Read a job's image, its mask in [0, 1], and the image's metadata; a square mask comes at the image's size."""
    check_job_output(job)
    path = plane_of(job)
    check_mask_size(job.image, path, square=square, max_pixels=files.max_pixels)
    budget.check(job.image, read_size(job.image, max_pixels=files.max_pixels))
    image, metadata = read_photograph(job.image, max_pixels=files.max_pixels, gps=not files.drop_gps)
    mask = read_mask(path, label=label, max_pixels=files.max_pixels)
    if not is_array_file(path):
        check_turning(job.image, image.shape, metadata.orientation, path, mask.shape, "mask")
    return image, enlarged(mask, image.shape[:2]) if square else mask, metadata


def _write_rgba(job: Job, cut: FloatArray, metadata: Metadata, files: FileOptions) -> None:
    """Write a cut-out, or its picture over the job's background, with the metadata of its image."""
    if keeps_light(job):
        write_light(job, cut[..., 3], bits=files.bits, fit=files.fit, max_pixels=files.max_pixels)
        return
    if job.background is not None:
        cut = over_background(cut, job.background, fit=files.fit, profile=metadata.profile, max_pixels=files.max_pixels)
    write_image(
        job.output,
        cut,
        bits=files.bits,
        profile=metadata.profile,
        exif=metadata.exif,
        resolution=metadata.resolution,
    )


def _write_confidence(
    job: Job, confidence: FloatArray, trimap: FloatArray, metadata: Metadata, files: FileOptions
) -> Findings:
    """Write a confidence as alpha is written, to its own file; return it in short."""
    if job.confidence is not None:
        write_plane(job._replace(output=job.confidence), confidence, metadata, files)
    summary = summarize_confidence(confidence, split_trimap(trimap).is_unknown)
    return Findings(confidence=summary, is_automatic=False)


def write_plane(job: Job, alpha: FloatArray, metadata: Metadata, files: FileOptions) -> None:
    """Write an alpha with the EXIF block and resolution of its image; a profile of RGB does not hold for it."""
    write_alpha(job.output, alpha, bits=files.bits, exif=metadata.exif, resolution=metadata.resolution)
