"""Pre-train networks, and fine-tune them from several starts by cross-validation."""

import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import lightning
import numpy as np
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from experiments.data_sets import training_photographs
from experiments.dpt_small import NETWORKS, VARIANTS, Options
from experiments.dpt_small.unguided import draw_unguided
from experiments.kept_networks import train_kept
from experiments.results import Row, make_row
from experiments.samples import alphamatting_samples, folds, with_foregrounds
from hybridmatte import mse, sad
from hybridmatte.data import Sample
from hybridmatte.networks import load_network
from hybridmatte.training import read_config, train
from hybridmatte.training.scores import predict_sample

PRETRAIN, FINETUNE = (Path(__file__).with_name(name) for name in ("pretrain.toml", "finetune.toml"))
LAST = 150  # steps of pre-training whose mean error is recorded
SCORED = (25, 50, 100, 150, 200, 300)  # steps of fine-tuning


def run(options: Options) -> Iterator[list[Row]]:
    """Pre-train and fine-tune from every start asked for, and seed."""
    torch.set_num_threads(options.threads)
    samples = alphamatting_samples(options.data)
    foregrounds = with_foregrounds(samples)
    for seed, network in itertools.product(options.seeds, options.networks):
        if not options.no_random:
            config = read_config(FINETUNE, seed=seed, init_from="", parts="all", **NETWORKS[network])
            yield fine_tune(f"{network}: random", config, samples, foregrounds, options)
        for variant in options.variants:
            folder = options.kept / folder_name(network, variant, seed, options.budget)
            if not (folder / "network").is_dir():
                pretrain(folder, network, variant, seed, options)
                yield [pretraining_row(folder, network, variant, seed, options.budget)]
            for part in options.parts:
                config = read_config(
                    FINETUNE, seed=seed, init_from=str(folder / "network"), parts=part, **NETWORKS[network]
                )
                yield fine_tune(
                    f"{network}: {variant}, {part}{times(options.budget)}", config, samples, foregrounds, options
                )
    shown = options.kept / folder_name("unet", "as the paper", 0, 1) / "network"
    if shown.is_dir():
        draw_unguided(load_network(shown), options.data, options.kept / "unguided.jpg")


def folder_name(network: str, variant: str, seed: int, budget: int) -> str:
    """Return the name of the folder that a pre-trained network is kept in."""
    return f"{network}_{variant}_{seed}_{budget}".replace(" ", "_")


def times(budget: int) -> str:
    """Return the end of a method's name that tells a longer pre-training."""
    return f", {budget} x budget" if budget > 1 else ""


def pretrain(folder: Path, network: str, variant: str, seed: int, options: Options) -> None:
    """Pre-train a network on photographs without labels."""
    photographs = training_photographs(options.data)
    train_kept(
        folder,
        PRETRAIN,
        lambda: photographs,
        options,
        seed=seed,
        **NETWORKS[network],
        **VARIANTS[variant],
        epochs=10 * options.budget,
        warmup_steps=150 * options.budget,
    )


def pretraining_row(folder: Path, network: str, variant: str, seed: int, budget: int) -> Row:
    """Return the row of a pre-trained network: the mean error of alpha over its last steps."""
    logs = EventAccumulator(str(folder / "logs"))
    logs.Reload()
    events = logs.Scalars("loss/alpha")[-LAST:]
    return make_row(
        f"pre-training, {network}: {variant}{times(budget)}",
        f"seed {seed}, step {events[-1].step + 1}",
        [112, 112],
        {"l1": float(np.mean([event.value for event in events]))},
    )


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


def fine_tune(
    name: str, config, samples: Sequence[Sample], foregrounds: Sequence[Sample], options: Options
) -> list[Row]:
    """Fine-tune a network a fold; return a row for each scored step, of means over all twelve photographs."""
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
