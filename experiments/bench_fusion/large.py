"""Time `matte` on a photograph enlarged or repeated to some megapixels, and `matte_from_image` at 1024 pixels."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from experiments.bench_fusion import AUTO, AUTO_SIDE, LARGE, MEGAPIXELS, REPEATED, Options
from experiments.data_sets import alphamatting_cases
from experiments.fresh_process import call_fresh, peak_mib
from experiments.results import Row, make_row
from experiments.timing import time_call
from hybridmatte import matte, matte_from_image, read_image
from hybridmatte.trimap import split_trimap

ENLARGED, SEEN = "GT24", "GT04"  # photographs that are enlarged, and whose foreground is found
NOISE = 0.01  # of the enlarged image, which has none of its own at its new size


def run_large(options: Options) -> Iterator[list[Row]]:
    """Yield a row for each way to a large picture and each size, measured in a fresh process."""
    for way, sizes in MEGAPIXELS.items():
        for megapixels in sizes:
            yield [call_fresh(measure_large, options.data, way, megapixels, threads=options.threads)]


def measure_large(data: Path, way: str, megapixels: float) -> Row:
    """Return the row of one call after a call of the photograph itself, which compiles, and the peak memory."""
    case = next(alphamatting_cases(data, [ENLARGED], ("trimap1",)))
    matte(case.image, case.trimap)
    image, trimap = MAKERS[way](case.image, case.trimap, megapixels)
    timing = time_call(lambda: matte(image, trimap), warm_up=0, repeats=1)
    unknowns = int(split_trimap(trimap).is_unknown.sum())
    return make_row(
        way,
        f"{ENLARGED}, {megapixels:g} megapixels",
        trimap.shape,
        {"unknowns": unknowns},
        median_s=timing.median_s,
        peak_mib=peak_mib(),
    )


def enlarged(image: np.ndarray, trimap: np.ndarray, megapixels: float) -> tuple[np.ndarray, np.ndarray]:
    """Return an image (H, W, 3) and its trimap, float32, enlarged to so many megapixels; the image gets new noise."""
    factor = (megapixels * 1e6 / trimap.size) ** 0.5
    size = tuple(round(factor * side) for side in trimap.shape[::-1])
    large = cv2.resize(np.float32(image), size, interpolation=cv2.INTER_CUBIC)
    large += NOISE * np.random.default_rng(0).standard_normal(large.shape, np.float32)
    return np.clip(large, 0, 1, out=large), cv2.resize(trimap, size, interpolation=cv2.INTER_NEAREST)


def repeated(image: np.ndarray, trimap: np.ndarray, megapixels: float) -> tuple[np.ndarray, np.ndarray]:
    """Return an image (H, W, 3) and its trimap, float32, repeated to so many megapixels: as sharp as it was."""
    factor = (megapixels * 1e6 / trimap.size) ** 0.5
    height, width = (round(factor * side) for side in trimap.shape)
    times = -(-height // trimap.shape[0]), -(-width // trimap.shape[1])
    large, known = np.tile(np.float32(image), (*times, 1)), np.tile(trimap, times)
    return np.ascontiguousarray(large[:height, :width]), np.ascontiguousarray(known[:height, :width])


MAKERS = {LARGE: enlarged, REPEATED: repeated}


def run_auto(options: Options) -> Iterator[list[Row]]:
    """Yield the row of `matte_from_image`, from a photograph of which nothing is known."""
    image = read_image(options.data / "alphamatting" / "image" / f"{SEEN}.png")
    height, width = image.shape[:2]
    size = (AUTO_SIDE, round(height * AUTO_SIDE / width))
    image = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC).clip(0, 1)
    timing = time_call(lambda: matte_from_image(image), repeats=options.rounds)
    yield [make_row(AUTO, SEEN, image.shape[:2], median_s=timing.median_s, iqr_s=timing.iqr_s)]
