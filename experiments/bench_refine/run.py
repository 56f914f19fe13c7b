"""Shrink true alphas, enlarge them by interpolation and by `refine`, and compare; time 6 megapixels."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from experiments.bench_refine import LARGE
from experiments.bench_solvers.mosaic import make_mosaic
from experiments.data_sets import Case, alphamatting_cases
from experiments.options import DataOptions
from experiments.results import Row, make_row
from experiments.timing import time_call
from hybridmatte import refine

SIDES = (64, 128, 256)  # pixels, shorter side of the small alpha
KINDS = {
    "exact": lambda small: small,
    "blurred": lambda small: cv2.GaussianBlur(small, (0, 0), 1.0).clip(0, 1),
    "cut at one half": lambda small: np.float32(small >= 0.5),
}


def run(options: DataOptions) -> Iterator[list[Row]]:
    """Measure the errors on the twelve photographs, then the time on a large one."""
    yield measure_errors(list(alphamatting_cases(options.data, trimaps=("trimap1",))))
    yield [measure_time(options.data)]


def ways(case: Case) -> dict[str, Callable]:
    """Return the ways to enlarge a small alpha to the size of the image."""
    shape, image = case.alpha.shape[::-1], np.float32(case.image)
    return {
        "linear": partial(cv2.resize, dsize=shape, interpolation=cv2.INTER_LINEAR),
        "cubic": lambda small: cv2.resize(small, shape, interpolation=cv2.INTER_CUBIC).clip(0, 1),
        "refine": partial(refine, image),
        "refine, trimap": partial(refine, image, trimap=case.trimap),
    }


def measure_errors(cases: list[Case]) -> list[Row]:
    """Return the rows: mean errors over all pixels of the twelve photographs."""
    found = {}
    for case in cases:
        for side in SIDES:
            small = shrink(case.alpha, side)
            for kind, change in KINDS.items():
                for way, enlarge in ways(case).items():
                    difference = enlarge(change(small)) - case.alpha
                    found.setdefault((way, f"{side}, {kind}"), []).append(
                        (np.abs(difference).sum() / 1000, 1000 * np.square(difference).mean())
                    )
    return [
        make_row(way, subject, len(cases), dict(zip(("sad", "mse"), map(float, np.mean(errors, axis=0)), strict=True)))
        for (way, subject), errors in found.items()
    ]


def shrink(alpha: np.ndarray, side: int) -> np.ndarray:
    """Return an alpha averaged to a shorter side."""
    factor = side / min(alpha.shape)
    return cv2.resize(alpha, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA).clip(0, 1)


def measure_time(data: Path) -> Row:
    """Return the row of the time for the twelve photographs side by side, 2400 x 2400 pixels."""
    image, alpha = make_mosaic(data, "6 MP", planes=("image", "alpha"))
    small = shrink(np.float32(alpha) / 255, LARGE)
    timing = time_call(lambda: refine(image, small))
    return make_row("refine", "6 MP", image.shape[:2], median_s=timing.median_s, iqr_s=timing.iqr_s)
