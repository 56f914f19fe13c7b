"""Pre-train networks, and fine-tune them from several starts by cross-validation."""

import itertools
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import lightning
import numpy as np
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from experiments.data_sets import training_photographs
from experiments.dpt_small import EXPERIMENT, NETWORKS, SUPERVISED, VARIANTS, Options
from experiments.dpt_small.curves import PRETRAINING
from experiments.dpt_small.unguided import draw_ratios, draw_unguided
from experiments.kept_networks import train_kept
from experiments.recorded import FITTED_COLOURS, Recorded
from experiments.results import Row, make_row
from experiments.samples import alphamatting_samples, folds, halved, with_foregrounds
from hybridmatte import mse, sad
from hybridmatte.data import Sample
from hybridmatte.networks import load_network
from hybridmatte.training import TrainingConfig, read_config, train
from hybridmatte.training.scores import predict_sample

PRETRAIN, FINETUNE = (Path(__file__).with_name(name) for name in ("pretrain.toml", "finetune.toml"))
UNKNOWN_SHARES = ("unknown 25", "unknown 50", "as the paper", "unknown 90")  # variants, of Fig. 7 and 8
LAST = 150  # steps of pre-training whose mean error is recorded
SCORED = (25, 50, 100, 150, 200)  # steps of fine-tuning, as many as finetune.toml has


def run(options: Options) -> Iterator[list[Row]]:
    """Pre-train and fine-tune from every start asked for, and seed, whatever is not recorded yet."""
    torch.set_num_threads(options.threads)
    recorded = Recorded(EXPERIMENT.name, options.output, options.data)
    for seed, network in itertools.product(options.seeds, options.networks):
        for start in starts(network, seed, options):
            subject, configuration = start.subject, recorded.configuration(start.changes)
            if not recorded.has(start.method, subject, start.changes):
                yield [row | {"configuration": configuration} for row in start.measure()]
    draw_kept(options)


def draw_kept(options: Options) -> None:
    """Draw what the kept networks of seed 0 find before fine-tuning: without guidance, and by the share of unknown."""
    shown = {
        share: options.kept / folder_name("unet", variant, 0, 1) / "network"
        for variant, share in ((name, VARIANTS[name].get("unknown_cells", 0.75)) for name in UNKNOWN_SHARES)
    }
    if shown[0.75].is_dir():
        draw_unguided(load_network(shown[0.75]), options.data, options.kept / "unguided.jpg")
    if all(folder.is_dir() for folder in shown.values()):
        networks = {share: load_network(folder) for share, folder in sorted(shown.items())}
        draw_ratios(networks, options.data, options.kept / "ratios.png")


class Start(NamedTuple):
    """A pre-training or a fine-tuning: the name of its rows, the subject of the last one, what it changes, the work."""

    method: str
    subject: str
    changes: dict[str, Any]
    measure: Callable[[], list[Row]]


def starts(network: str, seed: int, options: Options) -> Iterator[Start]:
    """Yield the random start, then each variant's pre-training and the starts from it."""
    last = f"seed {seed}, step {SCORED[-1]}"
    if not options.no_random:
        config = read_config(FINETUNE, seed=seed, init_from="", parts="all", **NETWORKS[network])
        name = f"{network}: random"
        yield Start(name, last, NETWORKS[network], partial(fine_tune, name, config, options))
    if network in SUPERVISED:
        changes = NETWORKS[network] | {"pretrained": options.encoder}
        config = read_config(FINETUNE, seed=seed, init_from="", parts="all", **changes)
        name = f"{network}: supervised, encoder"
        yield Start(name, last, changes | FITTED_COLOURS, partial(fine_tune, name, config, options))
    for variant in options.variants:
        changes = NETWORKS[network] | VARIANTS[variant] | {"budget": options.budget}
        folder = options.kept / folder_name(network, variant, seed, options.budget)
        name = f"{PRETRAINING}{network}: {variant}{times(options.budget)}"
        steps = read_config(PRETRAIN).epochs * read_config(PRETRAIN).epoch_steps * options.budget
        work = partial(pretraining_rows, name, folder, network, variant, seed, options)
        yield Start(name, f"seed {seed}, step {steps}", changes, work)
        for part in options.parts:
            name = f"{network}: {variant}, {part}{times(options.budget)}"
            work = partial(fine_tune_from, name, folder, part, network, variant, seed, options)
            yield Start(name, last, changes | {"parts": part}, work)


def folder_name(network: str, variant: str, seed: int, budget: int) -> str:
    """Return the name of the folder that a pre-trained network is kept in."""
    return f"{network}_{variant}_{seed}_{budget}".replace(" ", "_")


def times(budget: int) -> str:
    """Return the end of a method's name that tells a longer pre-training."""
    return f", {budget} x budget" if budget > 1 else ""


def pretrain(folder: Path, network: str, variant: str, seed: int, options: Options) -> None:
    """Pre-train a network on photographs without labels."""
    once = read_config(PRETRAIN)
    train_kept(
        folder,
        PRETRAIN,
        lambda: training_photographs(options.data),
        options,
        seed=seed,
        **NETWORKS[network],
        **VARIANTS[variant],
        epochs=once.epochs * options.budget,
        warmup_steps=once.warmup_steps * options.budget,
    )


def pretraining_rows(name: str, folder: Path, network: str, variant: str, seed: int, options: Options) -> list[Row]:
    """Return the row of a pre-trained network: the mean error of alpha over its last steps."""
    pretrain(folder, network, variant, seed, options)
    logs = EventAccumulator(str(folder / "logs"))
    logs.Reload()
    events = logs.Scalars("loss/alpha")[-LAST:]
    error = {"l1": float(np.mean([event.value for event in events]))}
    crop = read_config(PRETRAIN).crop
    return [make_row(name, f"seed {seed}, step {events[-1].step + 1}", [crop, crop], error)]


def fine_tune_from(
    name: str, folder: Path, part: str, network: str, variant: str, seed: int, options: Options
) -> list[Row]:
    """Return the rows of fine-tuning from a pre-trained network, which is trained now if it is not kept."""
    pretrain(folder, network, variant, seed, options)
    start = str(folder / "network")
    config = read_config(FINETUNE, seed=seed, init_from=start, parts=part, **NETWORKS[network])
    return fine_tune(name, config, options)


class Curve(lightning.Callback):
    """Score photographs after some of the steps."""

    def __init__(self, samples: Sequence[Sample]):
        self._samples, self.errors = samples, {}

    def on_train_batch_end(self, trainer, module, *_):
        """Keep SAD and MSE over the unknown region of each photograph."""
        if trainer.global_step in SCORED:
            alphas = [predict_sample(module.network, sample) for sample in self._samples]
            self.errors[trainer.global_step] = [
                (sad(alpha, sample.alpha, sample.trimap), mse(alpha, sample.alpha, sample.trimap))
                for alpha, sample in zip(alphas, self._samples, strict=True)
            ]


def fine_tune(name: str, config: TrainingConfig, options: Options) -> list[Row]:
    """Fine-tune a network a fold; return a row for each scored step, of means over all twelve photographs."""
    samples, foregrounds = photographs(options.data)
    errors, start = {step: [] for step in SCORED}, time.perf_counter()
    for learned, scored in folds(samples, foregrounds):
        curve = Curve(scored)
        with tempfile.TemporaryDirectory() as folder:
            train(
                config,
                learned,
                Path(folder) / "run",
                precision=options.precision,
                progress=False,
                backgrounds=training_photographs(options.data),
                callbacks=[curve],
            )
        for step, found in curve.errors.items():
            errors[step] += found
    seconds = time.perf_counter() - start
    return [
        make_row(
            name,
            f"seed {config.seed}, step {step}",
            [config.crop, config.crop],
            dict(zip(("sad_t", "mse_t"), map(float, np.mean(found, axis=0)), strict=True)),
            median_s=seconds,
        )
        for step, found in errors.items()
        if found
    ]


@lru_cache(maxsize=1)
def photographs(data: Path) -> tuple[list[Sample], list[Sample]]:
    """Return the twelve photographs at half size, and their foregrounds."""
    samples = [halved(sample) for sample in alphamatting_samples(data)]
    return samples, with_foregrounds(samples)
