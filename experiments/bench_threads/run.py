"""Time methods on one thread and on several, and folders of small pictures with one worker and with several."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

import hybridmatte
from experiments.bench_threads import Options
from experiments.data_sets import alphamatting_cases
from experiments.fresh_process import call_fresh
from experiments.results import Row, make_row
from hybridmatte.linalg.threads import thread_limit
from hybridmatte.trimap import split_trimap

PHOTOGRAPHS = ("GT04", "GT13", "GT18", "GT24")


class Picture(NamedTuple):
    """A photograph (H, W, 3) and its trimap (H, W), both float32 in [0, 1]."""

    image: npt.NDArray[np.float32]
    trimap: npt.NDArray[np.float32]


def run(options: Options) -> Iterator[list[Row]]:
    """Yield the rows of each side and method, then those of each side's folder."""
    counts = [2**k for k in range(options.threads.bit_length()) if 2**k <= options.threads]
    for side in options.sides:
        pictures = photographs(options.data, side)
        if "threads" in options.parts:
            for method in options.methods:
                yield [call_fresh(time_threads, method, pictures, counts, options.rounds, threads=options.threads)]
        if "folder" in options.parts and side < max(options.sides):
            yield [time_folder(pictures, options.pictures, counts)]


def photographs(data: Path, side: int) -> list[Picture]:
    """Return photographs with narrow trimaps, scaled to a longer side."""
    pictures = []
    for case in alphamatting_cases(data, PHOTOGRAPHS, ("trimap1",)):
        factor = side / max(case.trimap.shape)
        size = tuple(round(factor * length) for length in case.trimap.shape[::-1])
        image = cv2.resize(case.image.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        pictures.append(Picture(image, cv2.resize(case.trimap, size, interpolation=cv2.INTER_NEAREST)))
    return pictures


def call_of(method: str) -> Callable[[Picture], Any]:
    """Return the function that a method's name stands for."""
    if method == "matte_from_image":
        return lambda picture: hybridmatte.matte_from_image(picture.image)
    if method.startswith("matte"):
        quality = "fast" if method.endswith("fast") else "best"
        return lambda picture: hybridmatte.matte(*picture, quality=quality)
    return lambda picture: hybridmatte.solve(*picture, method=method)


def time_threads(method: str, pictures: list[Picture], counts: list[int], rounds: int) -> Row:
    """Return a method's seconds for a photograph by the number of threads, by the clock and of the processor.

    A photograph's time is the least of all rounds. The counts take turns.
    """
    call = call_of(method)
    seconds = np.full((len(counts), rounds, len(pictures), 2), np.inf)
    for turn in range(-1, rounds):  # the first is the warm-up
        for k, count in enumerate(counts):
            cv2.setNumThreads(count)
            with thread_limit(count):
                for n, picture in enumerate(pictures):
                    measured = _times(partial(call, picture))
                    if turn >= 0:
                        seconds[k, turn, n] = measured
    means = seconds.min(axis=1).mean(axis=1)
    errors = {"unknown": float(np.mean([split_trimap(picture.trimap).is_unknown.sum() for picture in pictures]))}
    for count, (wall, processor) in zip(counts, means, strict=True):
        errors |= {f"wall_{count}": float(wall), f"processor_{count}": float(processor)}
    height, width = pictures[0].trimap.shape
    return make_row(method, f"{width} x {height}", (height, width), errors)


def time_folder(pictures: list[Picture], count: int, workers: list[int]) -> Row:
    """Return the seconds of `matte` on a folder of small pictures, by the number of workers; the start counts.

    The workers share all threads; "wall_alone" is of one worker on one thread.
    """
    height, width = pictures[0].trimap.shape
    errors = {"pictures": float(count)}
    hybridmatte.matte(*pictures[0])  # compiles, for all processes
    with TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("images", "trimaps"):
            (folder / part).mkdir()
        for k in range(count):
            picture = pictures[k % len(pictures)]
            hybridmatte.write_image(folder / "images" / f"{k:04d}.png", picture.image)
            hybridmatte.write_alpha(folder / "trimaps" / f"{k:04d}.png", picture.trimap)
        for label, n, threads in [("alone", 1, 1), *((str(n), n, max(workers)) for n in workers)]:
            start = time.perf_counter()
            written = call_fresh(_matte_folder, folder, folder / f"alphas {label}", n, threads=threads)
            errors[f"wall_{label}"] = time.perf_counter() - start
            if written != count:
                raise RuntimeError(f"{written} pictures written, expected {count}")
    return make_row("folder", f"{width} x {height}", (height, width), errors)


def _matte_folder(folder: Path, alphas: Path, workers: int) -> int:
    """Estimate the alphas of a folder with so many workers; return how many were written."""
    result = hybridmatte.run_folder("matte", folder / "images", folder / "trimaps", alphas, workers=workers)
    return len(result.written)


def _times(call: Callable[[], Any]) -> tuple[float, float]:
    """Return the seconds of a call by the clock, and those of all threads of the process."""
    start, processor = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - start, time.process_time() - processor
