"""Measure the stages of each method on each photograph, in a fresh process for each number of threads."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from experiments.bench_solvers.mosaic import make_mosaic
from experiments.data_sets import alphamatting_cases
from experiments.fresh_process import call_fresh
from experiments.results import Row, make_row
from experiments.roofline import METHODS, MOSAIC, REST, TOTAL, Options
from experiments.roofline.observation import copy_bandwidth, observe
from experiments.roofline.stages import label
from hybridmatte import solve
from hybridmatte.trimap import split_trimap


def run(options: Options) -> Iterator[list[Row]]:
    """Yield the rows of each method, photograph and number of threads."""
    for method in options.methods:
        for subject in options.images:
            for threads in sorted({1, options.threads}):
                yield call_fresh(measure, method, subject, options.data, options.rounds, threads, threads=threads)


def measure(method: str, subject: str, data: Path, rounds: int, threads: int) -> list[Row]:
    """Return a row for each stage, with the least time of some calls, and one for the whole call, after a warm-up.

    The whole call is timed in other calls than the stages, because to observe a kernel takes some microseconds.
    On one thread, seconds are those of the thread, so that other work on the machine hardly counts.
    """
    clock = time.thread_time if threads == 1 else time.perf_counter
    image, trimap = _picture(data, subject)
    n_unknown = int(split_trimap(trimap).is_unknown.sum())
    alpha_of = partial(solve, image, trimap, method=METHODS[method])
    alpha_of()
    bandwidth = copy_bandwidth(clock)
    whole, found = [], []
    for _ in range(rounds):
        start = clock()
        alpha_of()
        whole.append(clock() - start)
        found.append(observe(alpha_of, label, clock))
    common = {"bandwidth": bandwidth, "unknowns": n_unknown}

    def row(stage: str, seconds: list[float], **more: float) -> Row:
        errors, size = {**common, **more}, list(image.shape[:2])
        return make_row(method, subject, size, errors, median_s=min(seconds), stage=stage, threads=threads)

    stages = [
        row(name, [call.stages[name].seconds for call in found], bytes=first.n_bytes, calls=first.calls)
        for name, first in found[0].stages.items()
    ]
    rest = min(whole) - sum(made["median_s"] for made in stages)
    return [row(TOTAL, whole, iterations=max(found[0].iterations)), *stages, row(REST, [rest])]


def _picture(data: Path, subject: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the image and the trimap of a photograph or of the mosaic."""
    if subject == MOSAIC:
        return tuple(make_mosaic(data, subject))
    case = next(alphamatting_cases(data, [subject], ("trimap1",)))
    return case.image, case.trimap
