"""Score `matte` on photographs that are blurred or enlarged, at their own size and at half of it."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from experiments.data_sets import alphamatting_cases, data_folder
from experiments.fusion.disturbances import as_jpeg
from experiments.results import Row, make_row
from experiments.soft_pictures import VARIANTS, WAYS, Options, Variant
from hybridmatte import gradient_error, mse, read_alpha, read_image, sad, trimap_from_alpha
from hybridmatte._validation import to_float
from hybridmatte.correction.half_size import at_full_size, at_half_size
from hybridmatte.correction.passes import correct_at_size
from hybridmatte.correction.softness import is_soft
from hybridmatte.correction.weights import load_correction_network
from hybridmatte.data import Sample
from hybridmatte.systems.problem import check_problem

RULE = ("GT04", "GT06", "GT13", "GT24")  # these and the eight more of another folder: the rule was chosen on them
PREDICTED = ("animals", "portraits")
CLEAR = 0.02  # largest distance from 0 or 1 of the alpha of a known pixel, after a blur


def run(options: Options) -> Iterator[list[Row]]:
    """Yield the rows of each photograph."""
    for name in options.sets:
        for sample in samples(options.data, name):
            for variant in options.variants:
                yield measure(name, variant, changed(sample, VARIANTS[variant]))


def samples(data: Path, name: str) -> Iterator[Sample]:
    """Yield photographs with narrow trimaps and alphas: true ones, or of animals and portraits predicted ones."""
    if name == "animals and portraits":
        yield from _predicted(data)
        return
    for case in alphamatting_cases(data, trimaps=("trimap1",)):
        if case.name not in RULE:
            yield Sample(case.name, image=np.float32(case.image), trimap=case.trimap, alpha=case.alpha)


def _predicted(data: Path) -> Iterator[Sample]:
    """Yield animals and portraits, whose alphas a published network predicted."""
    for folder in PREDICTED:
        root = data_folder(data) / folder
        for path in sorted((root / "image").glob("*.jpg")):
            alpha = to_float(read_alpha(root / "alpha_predicted" / f"{path.stem}.png"), "alpha")
            image = to_float(read_image(path), "image")
            yield Sample(f"{folder} {path.stem}", image=image, trimap=trimap_from_alpha(alpha), alpha=alpha)


def changed(sample: Sample, variant: Variant) -> Sample:
    """Return a photograph that is enlarged, blurred, noisy and compressed; its alpha is enlarged and blurred alike.

    The first row and column of an enlargement are cut off, so that its pixels do not lie on those of the photograph.
    """
    image, alpha, trimap = (np.float32(plane) for plane in (sample.image, sample.alpha, sample.trimap))
    if variant.factor != 1:
        size = tuple(round(variant.factor * side) for side in trimap.shape[::-1])
        image, alpha = (
            cv2.resize(plane, size, interpolation=cv2.INTER_CUBIC)[1:, 1:].clip(0, 1) for plane in (image, alpha)
        )
        trimap = cv2.resize(trimap, size, interpolation=cv2.INTER_NEAREST)[1:, 1:].copy()
    if variant.blur:
        image, alpha = (cv2.GaussianBlur(plane, (0, 0), variant.blur) for plane in (image, alpha))
        trimap[(trimap != 0.5) & (np.abs(alpha - trimap) > CLEAR)] = 0.5
    deviation = np.sqrt(variant.noise**2 + variant.photons * image)
    image = image + deviation * np.random.default_rng(0).standard_normal(image.shape, np.float32)
    image = image.clip(0, 1).astype(np.float32)
    if variant.jpeg:
        image = as_jpeg(image, variant.jpeg)
    return sample._replace(image=image, trimap=trimap, alpha=alpha)


def measure(name: str, variant: str, sample: Sample) -> list[Row]:
    """Return the errors of a photograph's alpha at its own size and at half of it; SAD is that of the pixels of origin.

    The rows say besides whether the picture is soft, by the rule that `matte` follows above a number of pixels.
    """
    problem, network = check_problem(sample.image, sample.trimap), load_correction_network()
    soft = float(is_soft(problem.image, problem.is_unknown))
    alphas = (
        correct_at_size(problem, network).alpha,
        at_full_size(problem, correct_at_size(at_half_size(problem), network).alpha)[0],
    )
    area, rows = VARIANTS[variant].factor ** 2, []
    for way, alpha in zip(WAYS, alphas, strict=True):
        errors = {
            "sad": sad(alpha, sample.alpha, sample.trimap) / area,
            "mse": mse(alpha, sample.alpha, sample.trimap),
            "gradient_error": gradient_error(alpha, sample.alpha, sample.trimap) / area,
            "soft": soft,
        }
        rows.append(make_row(f"{variant}: {way}", f"{name}: {sample.name}", alpha.shape, errors))
    return rows
