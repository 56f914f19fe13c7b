"""Train networks by six policies and several seeds, and score them."""

import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from experiments.alpha_free_small import EXPERIMENT, FORMS, POLICIES, VARIANTS, Options
from experiments.alpha_free_small.automatic import automatic_rows
from experiments.alpha_free_small.cost import measure_cost
from experiments.alpha_free_small.growth import KeepAlphas, draw_growth
from experiments.alpha_free_small.softness import describe
from experiments.data_sets import data_folder
from experiments.recorded import Recorded
from experiments.results import Row, make_row
from experiments.samples import alphamatting_samples, flower_sample, halved, without_alpha
from hybridmatte import read_alpha, read_image, solve_cf, trimap_from_alpha
from hybridmatte._validation import to_float
from hybridmatte.data import Sample
from hybridmatte.training import MattingScores, TrainingConfig, read_config, train
from hybridmatte.training.scores import predict_sample
from hybridmatte.trimap import split_trimap

CONFIG = Path(__file__).with_name("config.toml")
FOLDS = 2  # of "held out": a network is scored on the photographs that it was not trained on
PRIOR_OPTIONS = {"window_size", "prior_weight"}
CONFIDENCE = 0.01  # of the network's alpha in solve_cf
BAND = 12  # pixels, of the trimaps made for the animals


def run(options: Options) -> Iterator[list[Row]]:
    """Train and score what is asked for; draw the growth of an alpha under seed 0 if all policies are among it."""
    torch.set_num_threads(options.threads)
    if "cost" in options.parts:
        yield measure_cost()
    if "automatic" in options.parts:
        yield from automatic_rows(options)
    if "training" in options.parts:
        yield from training_rows(options)


def training_rows(options: Options) -> Iterator[list[Row]]:
    """Train small networks from random weights, all that are not recorded yet."""
    recorded = Recorded(EXPERIMENT.name, options.output, options.data)
    for variant, seed, form in itertools.product(options.variants, options.seeds, options.forms):
        keepers = {}
        for policy in options.policies:
            if POLICIES[policy] is None and PRIOR_OPTIONS & VARIANTS[variant].keys():
                continue  # the control has no prior that the variant could change
            config = configure(policy, form, variant, seed, options.steps)
            name = f"{policy}, {form}" + ("" if variant == "as configured" else f", {variant}")
            if recorded.has(name, subject_of(config), VARIANTS[variant]):
                continue
            keepers[policy] = KeepAlphas()
            rows = train_and_score(name, variant, config, options, keepers[policy])
            yield [row | {"configuration": recorded.configuration(VARIANTS[variant])} for row in rows]
        if seed == 0 and len(keepers) == len(POLICIES):
            draw_growth(keepers, options.output / f"alpha_free_small_growth_{form}.jpg")


def configure(policy: str, form: str, variant: str, seed: int, steps: int | None = None):
    """Return the configuration of one run."""
    prior = POLICIES[policy]
    changes: dict[str, Any] = {"paradigm": "supervised"} if prior is None else {"prior": prior}
    if steps is not None:
        changes["epoch_steps"] = steps // 10
    return read_config(CONFIG, seed=seed, trimap_input=FORMS[form], **changes, **VARIANTS[variant])


def train_and_score(name: str, variant: str, config, options: Options, keeper: KeepAlphas) -> list[Row]:
    """Return the rows of the network alone and of closed form with the network's alpha as prior."""
    alone, refined, pairs, seconds = MattingScores(), MattingScores(), [], 0.0
    for training, scored in splits(variant, options.data, with_alpha=config.paradigm == "supervised"):
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            network = train(
                config, training, Path(folder) / "run", precision=options.precision, progress=False, callbacks=[keeper]
            )
        seconds += time.perf_counter() - start
        for sample in scored:
            alpha = predict_sample(network, sample)
            alone.update(alpha, sample.alpha, sample.trimap)
            is_unknown = split_trimap(sample.trimap).is_unknown
            pairs.append((alpha[is_unknown], sample.alpha[is_unknown]))
            solved = solve_cf(sample.image, sample.trimap, prior=alpha, confidence=CONFIDENCE)
            refined.update(solved, sample.alpha, sample.trimap)
    errors = {name: alone.compute() | describe(pairs), f"{name}, then closed form": refined.compute()}
    return [
        make_row(method, subject_of(config), [config.crop, config.crop], error, median_s=seconds)
        for method, error in errors.items()
    ]


def subject_of(config: TrainingConfig) -> str:
    """Return the subject of a run's rows."""
    return f"{config.epochs * config.epoch_steps} steps, seed {config.seed}"


def splits(variant: str, data: Path, *, with_alpha: bool) -> Iterator[tuple[Sequence[Sample], Sequence[Sample]]]:
    """Yield pairs of samples to train on and samples to score."""
    twelve, others = alphamatting_samples(data), other_samples(data)
    if variant.startswith("half size"):
        twelve, others = [halved(sample) for sample in twelve], [halved(sample) for sample in others]
    if variant == "held out":
        for fold in range(FOLDS):
            learned = [sample for index, sample in enumerate(twelve) if index % FOLDS != fold]
            yield (learned if with_alpha else without_alpha(learned)), twelve[fold::FOLDS]
    else:
        yield (twelve if with_alpha else [*without_alpha(twelve), *others]), twelve


def other_samples(data: Path) -> list[Sample]:
    """Return seven animals and the demo's flower with trimaps; the animals' are made from a published network's alphas.

    Those alphas are not used otherwise.
    """
    samples, folder = [], data_folder(data) / "animals"
    for path in sorted((folder / "image").glob("*.jpg")):
        trimap = trimap_from_alpha(read_alpha(folder / "alpha_predicted" / f"{path.stem}.png"), erode=BAND, dilate=BAND)
        samples.append(Sample(path.stem, image=to_float(read_image(path), "image"), trimap=trimap))
    return [*samples, flower_sample()]
