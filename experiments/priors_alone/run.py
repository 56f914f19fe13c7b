"""Solve every photograph by each prior alone."""

import time
import warnings
from collections.abc import Iterator
from functools import partial

import numpy as np

from experiments.data_sets import Case, alphamatting_cases
from experiments.descent import descend
from experiments.priors_alone import Options
from experiments.results import Row, make_row
from hybridmatte import mse, sad, solve_cf, solve_ddc, solve_knn, solve_nonlocal

STEPS, RATE = 400, 0.01


def solve_by_descent(image: np.ndarray, trimap: np.ndarray, prior: str) -> np.ndarray:
    """Return alpha after descent on a prior by Adam from 0.5, the known pixels fixed."""
    start = np.where(trimap >= 0.9, 1.0, np.where(trimap <= 0.1, 0.0, 0.5))
    return descend(image, trimap, prior, start=start, steps=STEPS, rate=RATE)[-1]


SOLVERS = {
    "affinity, descent": partial(solve_by_descent, prior="affinity"),
    "dc, descent": partial(solve_by_descent, prior="dc"),
    "ddc, descent": partial(solve_by_descent, prior="ddc"),
    "hinge, descent": partial(solve_by_descent, prior="hinge"),
    "ddc, solve_ddc": solve_ddc,
    "hinge, solve_ddc": partial(solve_ddc, form="hinge"),
    "closed form": solve_cf,
    "knn": solve_knn,
    "nonlocal": solve_nonlocal,
}


def run(options: Options) -> Iterator[list[Row]]:
    """Solve each photograph by each method."""
    for method in options.methods:
        for case in alphamatting_cases(options.data, options.images, options.trimaps):
            yield [solve_case(method, case)]


def solve_case(method: str, case: Case) -> Row:
    """Return the row of one method on one case."""
    image = case.image.astype(np.float32)
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        alpha = SOLVERS[method](image, case.trimap)
    seconds = time.perf_counter() - start
    error = {"sad": sad(alpha, case.alpha, case.trimap), "mse": mse(alpha, case.alpha, case.trimap)}
    return make_row(
        method,
        f"{case.name} {case.trimap_name}",
        case.trimap.shape,
        error,
        median_s=seconds,
        warnings=[str(entry.message) for entry in caught],
    )
