"""Table 4 in its own form: automatic networks with a pre-trained encoder, on photographs with masks."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from experiments.alpha_free_small import EXPERIMENT, POLICIES, TABLE_4, Options
from experiments.finder_weights.samples import HELD_OUT, Photograph, split
from experiments.recorded import FITTED_COLOURS, Recorded
from experiments.results import Row, make_row
from experiments.samples import alphamatting_samples, more_samples, predicted
from hybridmatte import read_image, trimap_from_alpha, trimap_from_mask
from hybridmatte._validation import to_float
from hybridmatte.data import Sample
from hybridmatte.data.lazy_sequence import LazySequence
from hybridmatte.io.pictures import read_plane
from hybridmatte.training import MattingScores, read_config, train
from hybridmatte.training.scores import predict_sample

RECIPE = Path(__file__).with_name("automatic.toml")
SIDE = 224  # pixels: shorter side of all photographs
WIDTHS = (3, 12)  # pixels of a photograph of cats, 448 x 448, by which masks are eroded and dilated
SCORED_WIDTH = 6  # pixels at SIDE, of the trimaps that give SAD-T
HELD_OUT_SCORED = 40  # photographs of the set that is learned from
CONTROL = {"true alpha": "mask as alpha"}  # what the control learns from, as these sets have no alphas
ALPHAS = {"cats": "animals", "faces": "portraits"}  # photographs with alphas of what a set shows


def automatic_rows(options: Options) -> Iterator[list[Row]]:
    """Train and score the policies that are not recorded yet, seed by seed."""
    recorded = Recorded(EXPERIMENT.name, options.output, options.data, FITTED_COLOURS)
    for name in options.sets:
        for seed in options.seeds:
            for policy, weight in policies(options):
                changes = {"policy": policy, "weight": weight, "set": name}
                method = method_name(policy, weight, name)
                if not recorded.has(f"{method}, {name} held out", f"seed {seed}", changes):
                    rows = train_and_score(method, policy, weight, name, seed, options)
                    yield [row | {"configuration": recorded.configuration(changes)} for row in rows]


def policies(options: Options) -> Iterator[tuple[str, float]]:
    """Yield the policies asked for, each prior with the weights asked for; a policy without prior has weight 0."""
    for policy in options.policies:
        for weight in options.weights if POLICIES[policy] not in ("none", None) else (0.0,):
            yield policy, weight


def method_name(policy: str, weight: float, name: str) -> str:
    """Return the beginning of a row's method: Table 4, the set, the policy and the weight of its prior."""
    return f"{TABLE_4}, {name}: " + (f"{policy}, weight {weight:g}" if weight else CONTROL.get(policy, policy))


def train_and_score(method: str, policy: str, weight: float, name: str, seed: int, options: Options) -> list[Row]:
    """Return a row for each set that the trained network is scored on."""
    prior, start = POLICIES[policy], time.perf_counter()
    changes: dict[str, Any] = {"prior": prior, "prior_weight": weight}
    if prior is None:
        changes = {"paradigm": "supervised", "window_size": 11}  # its default, which another paradigm may have
    config = read_config(RECIPE, seed=seed, pretrained=options.encoder, **changes)
    with tempfile.TemporaryDirectory() as folder:
        samples = MaskedPhotographs(split(options.data, name)[0], seed=0, with_alpha=prior is None)
        network = train(config, samples, Path(folder) / "run", precision=options.precision, progress=False)
    seconds, rows = time.perf_counter() - start, []
    for title, scored in scored_sets(options.data, name).items():
        scores = MattingScores()
        for sample in scored:
            scores.update(predict_sample(network, sample), sample.alpha, sample.trimap)
        errors = {key: value for key, value in scores.compute().items() if np.isfinite(value)}
        rows.append(make_row(f"{method}, {title}", f"seed {seed}", len(scored), errors, median_s=seconds))
    return rows


class MaskedPhotographs(LazySequence[Sample]):
    """Photographs at `SIDE` with trimaps from masks that are eroded and dilated by random widths, always the same ones.

    Parameters
    ----------
    photographs : sequence of Photograph
    seed : int
        Of the widths.
    with_alpha : bool
        Whether a sample has the mask as alpha.
    """

    def __init__(self, photographs: Sequence[Photograph], *, seed: int, with_alpha: bool):
        self._photographs, self._seed, self._with_alpha = photographs, seed, with_alpha

    def __len__(self) -> int:
        """Return the number of photographs."""
        return len(self._photographs)

    def _item(self, index: int) -> Sample:
        """Return one photograph with its trimap."""
        image, mask = read_small(self._photographs[index])
        inside, outside = np.random.default_rng([self._seed, index]).integers(WIDTHS[0], WIDTHS[1] + 1, size=2)
        known = np.float32(mask >= 128)
        deepest = cv2.distanceTransform(np.uint8(known), cv2.DIST_L2, 5).max()  # of small objects, half remains known
        trimap = trimap_from_mask(known, erode=min(inside / 2, deepest / 2), dilate=outside / 2)
        alpha = known if self._with_alpha else None
        return Sample(str(index), image=np.float32(image) / 255, trimap=trimap, alpha=alpha)


@cache
def read_small(photograph: Photograph) -> tuple[np.ndarray, np.ndarray]:
    """Return image and mask as uint8, the shorter side `SIDE` pixels."""
    image = np.rint(255 * to_float(read_image(photograph.image), "image")).astype(np.uint8)
    mask = np.rint(255 * to_float(read_plane(photograph.mask, "mask"), "mask")).astype(np.uint8)
    scale = SIDE / min(image.shape[:2])
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    return tuple(cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (image, mask))


@lru_cache(maxsize=2)
def scored_sets(data: Path, name: str) -> dict[str, list[Sample]]:
    """Return held-out photographs with masks, photographs with predicted alphas of the same kind, and the twenty."""
    held_out = []
    for photograph in split(data, name)[1][: min(HELD_OUT_SCORED, HELD_OUT[name])]:
        image, mask = read_small(photograph)
        held_out.append(Sample(photograph.image.stem, image=np.float32(image) / 255, alpha=np.float32(mask >= 128)))
    twenty = [*alphamatting_samples(data), *more_samples(data)]
    sets = {f"{name} held out": held_out, ALPHAS[name]: predicted(data, ALPHAS[name]), "the twenty": twenty}
    return {title: [at_side(sample) for sample in samples] for title, samples in sets.items()}


def at_side(sample: Sample) -> Sample:
    """Return a sample with alpha at `SIDE`, and its trimap: its own at this size, or one made from its alpha."""
    height, width = sample.image.shape[:2]
    scale = SIDE / min(height, width)
    size = round(width * scale), round(height * scale)
    image, alpha = (
        cv2.resize(np.float32(plane), size, interpolation=cv2.INTER_AREA).clip(0, 1)
        for plane in (sample.image, sample.alpha)
    )
    if sample.trimap is None:
        trimap = trimap_from_alpha(alpha, erode=SCORED_WIDTH, dilate=SCORED_WIDTH)
    else:
        trimap = cv2.resize(np.float32(sample.trimap), size, interpolation=cv2.INTER_AREA)
        trimap[(trimap > 0) & (trimap < 1)] = 0.5
    return sample._replace(image=image, alpha=alpha, trimap=trimap)
