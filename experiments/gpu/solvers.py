"""Closed-form and KNN matting of large images on the device."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import numpy as np
import torch

from experiments.example_photographs import FLOWER_TRIMAP, flower_photograph
from experiments.gpu import MEGAPIXELS, SOLVERS
from experiments.gpu.measurement import copy_rate, describe_failure, device_row, measure_call, measured_row
from experiments.results import Row
from hybridmatte import read_image, read_trimap, solve_cf, solve_knn, split_trimap
from hybridmatte.systems import differentiable

SOLVE = {"cf": solve_cf, "knn": solve_knn}
WIDENED = 55  # pixels of the disk that widens the unknown region of the photograph, at 640 x 427
NOISE = 0.004  # standard deviation, so that the enlarged photograph is as rough as one of its size
ROUNDS = 5
VECTOR_BYTES = 40  # of an unknown pixel in one iteration: ten readings or writings of a float32 vector
ENTRY_BYTES = {"cf": 13 * 4, "knn": 34 * 8}  # entries of a pixel: 13 different float32 ones; 34 links with weights
GROWTH = 1.5  # how much longer than in proportion a larger image may take


def run_solvers(deadline: float) -> Iterator[list[Row]]:
    """Yield a row for each solver and size; a size that would end after the deadline is left out, and says so."""
    rate = copy_rate()
    for solver in SOLVERS:
        seconds, done = 0.0, 1
        for subject, (height, width) in MEGAPIXELS.items():
            expected = 2 * GROWTH * seconds * height * width / done  # one call to warm up, one that is timed
            if time.monotonic() + expected > deadline:
                failed = f"left out, as it would take {expected:.0f} s"
                yield [device_row("solver", solver, "alpha", subject, [height, width], failed=failed)]
                continue
            row = solver_row(solver, subject, rate)
            yield [row]
            if row["median_s"] is not None:
                seconds, done = row["median_s"], height * width


def enlarged_flower(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return image and trimap, float32: the photograph of a flower enlarged, its unknown region widened."""
    image, trimap = read_image(flower_photograph()), read_trimap(FLOWER_TRIMAP)
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (WIDENED, WIDENED))
    is_unknown = cv2.dilate(split_trimap(trimap).is_unknown.astype(np.uint8), disk) > 0
    trimap = np.where(is_unknown, np.float32(0.5), trimap)
    image = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
    image += NOISE * np.random.default_rng(0).standard_normal(image.shape, np.float32)
    return image.clip(0.0, 1.0), cv2.resize(trimap, (width, height), interpolation=cv2.INTER_NEAREST)


def solver_row(solver: str, subject: str, rate: float) -> Row:
    """Return time, memory, iterations and byte floor of a solver; at the smallest size the error against the CPU."""
    size = list(MEGAPIXELS[subject])
    image, trimap = enlarged_flower(*size)
    tensors = torch.from_numpy(image).permute(2, 0, 1)[None].cuda(), torch.from_numpy(trimap)[None, None].cuda()
    n_unknown = int(np.count_nonzero(split_trimap(trimap).is_unknown))
    torch.cuda.empty_cache()
    try:
        with counted_iterations() as counts:
            measured = measure_call(lambda: SOLVE[solver](*tensors), ROUNDS, warm_up=1)
    except RuntimeError as problem:
        failed = describe_failure(problem)
        return device_row("solver", solver, "alpha", subject, size, unknown=n_unknown, failed=failed)
    error = None
    if subject == next(iter(MEGAPIXELS)):
        expected = SOLVE[solver](image, trimap)
        error = {"largest difference from the CPU": float(np.abs(measured.result[0, 0].cpu().numpy() - expected).max())}
    iterations = counts[-1] if counts else None
    floor = None
    if iterations is not None:
        floor = (iterations * n_unknown * (ENTRY_BYTES[solver] + VECTOR_BYTES) + trimap.size * 20) / rate
    more = {"unknown": n_unknown, "iterations": iterations, "byte_floor_s": floor, "failed": None}
    return measured_row("solver", solver, "alpha", subject, size, measured, error=error, **more)


@contextmanager
def counted_iterations() -> Iterator[list[int]]:
    """Give a list to which each solve by conjugate gradients on the device adds its number of iterations."""
    counts: list[int] = []
    solve: Callable = differentiable.conjugate_gradient_tensors

    def counting(*arguments, **options):
        result = solve(*arguments, **options)
        counts.append(result.iterations)
        return result

    differentiable.conjugate_gradient_tensors = counting
    try:
        yield counts
    finally:
        differentiable.conjugate_gradient_tensors = solve
