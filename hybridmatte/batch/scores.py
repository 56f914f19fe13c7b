"""Errors of one alpha against the true one, all metrics at once."""

from __future__ import annotations

from collections.abc import Callable

from hybridmatte import metrics
from hybridmatte.batch.budget import UNLIMITED, Budget
from hybridmatte.batch.items import Delivery
from hybridmatte.batch.pairing import Job
from hybridmatte.batch.work import plane_of
from hybridmatte.io.formats import MAX_PIXELS
from hybridmatte.io.pictures import read_alpha, read_size, read_trimap
from hybridmatte.io.streams import Source

__all__ = ["METRICS", "scored_file", "scores_of"]

METRICS: dict[str, Callable[..., float]] = {
    "sad": metrics.sad,
    "mse": metrics.mse,
    "mad": metrics.mad,
    "gradient_error": metrics.gradient_error,
    "connectivity_error": metrics.connectivity_error,
}


def scores_of(files: list[Source], region: str, max_pixels: int = MAX_PIXELS) -> dict[str, float]:
    """Return all metrics of an alpha, given the files of alpha, true alpha and perhaps trimap."""
    planes = [
        read(file, max_pixels=max_pixels)
        for read, file in zip((read_alpha, read_alpha, read_trimap), files, strict=False)
    ]
    return {name: float(metric(*planes, region=region)) for name, metric in METRICS.items()}


def scored_file(
    job: Job,
    *,
    trimap: Source | None = None,
    region: str = "unknown",
    max_pixels: int = MAX_PIXELS,
    budget: Budget = UNLIMITED,
) -> Delivery:
    """Score a job's image, which is an alpha, against its plane, the true one; nothing is written."""
    if region == "unknown" and trimap is None:
        raise ValueError(f"{job.image} has no trimap, expected one for --region unknown")
    budget.check(job.image, read_size(job.image, "alpha", max_pixels=max_pixels), name="alpha")
    files: list[Source] = [job.image, plane_of(job)]
    return Delivery(scores=scores_of(files if trimap is None else [*files, trimap], region, max_pixels))
