"""Train the network that comes with the package, score it on what is held out, and write its weights."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch

from experiments.finder_weights import Options
from experiments.finder_weights.samples import (
    HELD_OUT,
    FinderSamples,
    animals_without_masks,
    empty,
    read_bytes,
    read_sample,
    split,
)
from experiments.finder_weights.teaching import taught_masks
from experiments.finder_weights.weights import write_weights
from experiments.kept_networks import train_kept
from experiments.results import Row, make_row
from experiments.samples import predicted
from hybridmatte.automatic.band import INSIDE_MIN
from hybridmatte.automatic.refinement import enlarged
from hybridmatte.automatic.registry import BUNDLED_SIDES, mean_at_sides
from hybridmatte.data import Sample
from hybridmatte.networks import load_network, predict_alpha

RECIPES = Path(__file__).parent
Predict = Callable[[np.ndarray], np.ndarray]


def run(options: Options) -> Iterator[list[Row]]:
    """Train what is not kept, write the weights of the first seed, and score each seed's network."""
    torch.set_num_threads(options.threads)
    sets = scored_sets(options.data)
    for seed in options.seeds:
        folder = train_stages(seed, options)
        network = load_network(folder)
        if seed == options.seeds[0]:
            write_weights(folder, options.weights, sets["people"][0].image)

        def predict(image: np.ndarray, network=network) -> np.ndarray:
            alpha = mean_at_sides(image, BUNDLED_SIDES, partial(predict_alpha, network))
            return enlarged(alpha, image.shape[:2])

        yield score(seed, predict, sets)


def train_stages(seed: int, options: Options) -> Path:
    """Return the folder of the network; both stages are trained now if they are not kept."""
    kept = options.kept / str(seed)

    def learnt() -> FinderSamples:
        return FinderSamples(options.data, (), seed)

    def taught() -> FinderSamples:
        animals = animals_without_masks(options.data)
        masks = taught_masks(load_network(first), animals, kept / "taught_masks")
        read_bytes.cache_clear()
        return FinderSamples(options.data, masks, seed)

    first = train_kept(
        kept / "labelled", RECIPES / "labelled.toml", learnt, options, seed=seed, pretrained=options.encoder
    )
    return train_kept(kept / "taught", RECIPES / "taught.toml", taught, options, seed=seed, init_from=str(first))


def scored_sets(data: Path) -> dict[str, list[Sample]]:
    """Return ``{name: samples}`` of what is held out; animals and portraits have alphas, the others masks."""
    sets = {name: [read_sample(one) for one in split(data, name)[1]] for name in HELD_OUT}
    sets |= {name: predicted(data, name) for name in ("animals", "portraits")}
    return sets | {"empty": [read_sample(one) for one in empty(data)[1]]}


def score(seed: int, predict: Predict, sets: dict[str, list[Sample]]) -> list[Row]:
    """Return the mean overlap on every set, and how often nothing is found."""
    rows = []
    for name, samples in sets.items():
        found = [predict(sample.image) >= INSIDE_MIN for sample in samples]
        wanted = [(sample.mask if sample.alpha is None else sample.alpha) >= INSIDE_MIN for sample in samples]
        errors = {
            "iou": float(np.mean([overlap(a, b) for a, b in zip(found, wanted, strict=True)])),
            "worst": float(min(overlap(a, b) for a, b in zip(found, wanted, strict=True))),
            "empty": float(np.mean([not one.any() for one in found])),
        }
        rows.append(make_row(name, f"seed {seed}", len(samples), errors))
    return rows


def overlap(inside: np.ndarray, wanted: np.ndarray) -> float:
    """Return the intersection over the union of two regions; 1 if both are empty."""
    union = np.count_nonzero(inside | wanted)
    return np.count_nonzero(inside & wanted) / union if union else 1.0
