"""Time `matte`, the solvers that it calls, and the best of these alone on the twelve photographs, in turn."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from experiments.bench_fusion import WAYS, Options
from experiments.bench_fusion.large import run_auto, run_large
from experiments.data_sets import Case, alphamatting_cases
from experiments.results import Row, make_row
from experiments.timing import summarise, time_call
from hybridmatte import matte
from hybridmatte.correction.estimates import solver_estimates
from hybridmatte.systems.problem import check_problem


def run(options: Options) -> Iterator[list[Row]]:
    """Yield the rows of the parts that are asked for."""
    parts = {"photographs": run_photographs, "large": run_large, "auto": run_auto}
    for part in options.parts:
        yield from parts[part](options)


def run_photographs(options: Options) -> Iterator[list[Row]]:
    """Time the three ways on each photograph and trimap."""
    cases = list(alphamatting_cases(options.data))
    time_case(cases[0], 1)  # compiles
    for case in cases:
        yield time_case(case, options.rounds)


def time_case(case: Case, rounds: int) -> list[Row]:
    """Return the rows of one photograph: median seconds of every way, taken in turn."""
    image, trimap = np.float32(case.image), case.trimap
    calls = (
        partial(matte, image, trimap, quality="fast"),
        lambda: solver_estimates(check_problem(image, trimap)),
        partial(matte, image, trimap),
    )
    seconds = [[time_call(call, warm_up=0, repeats=1).median_s for call in calls] for _ in range(rounds)]
    timings = map(summarise, zip(*seconds, strict=True))
    return [
        make_row(way, f"{case.name} {case.trimap_name}", case.alpha.shape, median_s=timing.median_s, iqr_s=timing.iqr_s)
        for way, timing in zip(WAYS, timings, strict=True)
    ]
