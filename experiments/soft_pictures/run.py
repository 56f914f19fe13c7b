"""Score `matte` on photographs that are enlarged, at their own size and at half of it."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from experiments.data_sets import alphamatting_cases, data_folder
from experiments.results import Row, make_row
from experiments.soft_pictures import VARIANTS, WAYS, Options, Variant
from hybridmatte import gradient_error, mse, read_alpha, read_image, sad, trimap_from_alpha
from hybridmatte._validation import to_float
from hybridmatte.correction.half_size import at_full_size, at_half_size, is_soft
from hybridmatte.correction.passes import correct_at_size
from hybridmatte.correction.weights import load_correction_network
from hybridmatte.data import Sample
from hybridmatte.systems.problem import check_problem

FOLDERS = {"first twelve": "alphamatting", "eight more": "alphamatting_more"}
PREDICTED = ("animals", "portraits")


def run(options: Options) -> Iterator[list[Row]]:
    """Yield the rows of each photograph."""
    for name in options.sets:
        for sample in samples(options.data, name):
            for variant in options.variants:
                yield measure(name, variant, changed(sample, VARIANTS[variant]))


def samples(data: Path, name: str) -> Iterator[Sample]:
    """Yield photographs with narrow trimaps and alphas: true ones, or of animals and portraits predicted ones."""
    if name in FOLDERS:
        for case in alphamatting_cases(data, trimaps=("trimap1",), folder=FOLDERS[name]):
            yield Sample(case.name, image=np.float32(case.image), trimap=case.trimap, alpha=case.alpha)
        return
    for folder in PREDICTED:
        root = data_folder(data) / folder
        for path in sorted((root / "image").glob("*.jpg")):
            alpha = to_float(read_alpha(root / "alpha_predicted" / f"{path.stem}.png"), "alpha")
            image = to_float(read_image(path), "image")
            yield Sample(f"{folder} {path.stem}", image=image, trimap=trimap_from_alpha(alpha), alpha=alpha)


def changed(sample: Sample, variant: Variant) -> Sample:
    """Return a photograph enlarged, with noise and compressed; its alpha is enlarged alike."""
    size = tuple(round(variant.factor * side) for side in sample.trimap.shape[::-1])
    image, alpha = sample.image, sample.alpha
    if variant.factor != 1:
        image, alpha = (cv2.resize(plane, size, interpolation=cv2.INTER_CUBIC).clip(0, 1) for plane in (image, alpha))
    noise = np.random.default_rng(0).standard_normal(image.shape, np.float32)
    image = np.clip(image + np.float32(variant.noise) * noise, 0, 1)
    if variant.jpeg:
        _, code = cv2.imencode(".jpg", np.uint8(np.rint(255 * image)), [cv2.IMWRITE_JPEG_QUALITY, variant.jpeg])
        image = np.float32(cv2.imdecode(code, cv2.IMREAD_COLOR)) / 255
    trimap = cv2.resize(sample.trimap, size, interpolation=cv2.INTER_NEAREST)
    return sample._replace(image=image, trimap=trimap, alpha=alpha)


def measure(name: str, variant: str, sample: Sample) -> list[Row]:
    """Return the errors of a photograph's alpha at its own size and at half of it; SAD is that of the pixels of origin.

    The rows say besides whether the picture is soft, by the rule that `matte` follows above a number of pixels.
    """
    problem, network = check_problem(sample.image, sample.trimap), load_correction_network()
    soft = float(is_soft(problem.image, problem.is_unknown))
    alphas = (
        correct_at_size(problem, network).alpha,
        at_full_size(problem, *correct_at_size(at_half_size(problem), network))[0],
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
