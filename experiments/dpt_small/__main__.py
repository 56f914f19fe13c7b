"""Pre-train networks, fine-tune them from several starts by cross-validation, and record the curves of error."""

import argparse
import itertools
import tempfile
import time
from pathlib import Path

import lightning
import numpy as np
import torch

from experiments.alpha_free_small.samples import test_samples
from experiments.common import add_training_arguments, data_folder, merge_results, positive_int, training_environment
from experiments.dpt_small.report import draw_curves, write_report
from experiments.dpt_small.samples import folds, with_foregrounds
from experiments.dpt_small.unguided import draw_unguided
from hybridmatte import mse, sad
from hybridmatte.networks import load_network
from hybridmatte.training import read_config, train
from hybridmatte.training.scores import predict_sample

FOLDER = Path(__file__).parent
VARIANTS = {"as the paper": {}, "block alpha": {"alpha_level": "block"},
            "no trimap": {"trimap_input": False, "one_hot": False}, "unknown 25": {"unknown_cells": 0.25},
            "unknown 50": {"unknown_cells": 0.5}, "unknown 90": {"unknown_cells": 0.9}}
NETWORKS = {"unet": {"network": "unet", "size": "tiny"},
            "unet of pvt": {"network": "unet", "size": "pvt_v2_b0", "width": 0.25},  # a transformer
            "matteformer": {"network": "matteformer", "size": "tiny"}}
PARTS = ("encoder", "all")
LAST = 150  # steps of pre-training whose mean error is told
SCORED = (25, 50, 100, 150, 200, 300)  # steps of fine-tuning


def main():
    """Run what is asked for; rows are kept as they come."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_training_arguments(parser, "dpt_small_networks")
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=["unet"])
    parser.add_argument("--variants", nargs="*", choices=list(VARIANTS), default=["as the paper"])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--no-random", action="store_true", help="leave out the random start")
    parser.add_argument("--budget", type=positive_int, default=1, help="times the steps of pretrain.toml")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    metadata = training_environment(arguments.threads)
    if not arguments.report:
        run_all(metadata, arguments)
    merge_results(FOLDER / "result.json", metadata, pretraining_rows(arguments.kept), replace=False)
    write_report(FOLDER)
    draw_curves(FOLDER)
    kept = arguments.kept / name_of("unet", "as the paper", 0, 1) / "network"
    if kept.is_dir():
        draw_unguided(load_network(kept), arguments.data, arguments.kept / "unguided.jpg")


def run_all(metadata, arguments):
    """Fine-tune from every start asked for, and seed."""
    samples = test_samples(arguments.data)
    foregrounds = with_foregrounds(samples)
    for seed, network in itertools.product(arguments.seeds, arguments.networks):
        starts = [] if arguments.no_random else [("random", "", "all")]
        for variant in arguments.variants:
            source = pretrained(network, variant, seed, arguments)
            starts += [(variant, str(source), part) for part in arguments.parts]
        for variant, source, part in starts:
            config = read_config(FOLDER / "finetune.toml", seed=seed, init_from=source, parts=part,
                                 **NETWORKS[network])
            name = "random" if not source else f"{variant}, {part}"
            name += f", {arguments.budget} x budget" if source and arguments.budget > 1 else ""
            rows = fine_tune(f"{network}: {name}", config, samples, foregrounds, arguments)
            merge_results(FOLDER / "result.json", metadata, rows)
            print(seed, rows[-1]["method"], rows[-1]["error"], round(rows[-1]["median_s"]), flush=True)


def name_of(network, variant, seed, budget):
    """Return the name of the folder that a pre-trained network is kept in."""
    return f"{network}_{variant}_{seed}_{budget}".replace(" ", "_")


def pretrained(network, variant, seed, arguments):
    """Return the folder of a pre-trained network, trained now if it is not kept."""
    folder = arguments.kept / name_of(network, variant, seed, arguments.budget)
    if not (folder / "network").is_dir():
        config = read_config(FOLDER / "pretrain.toml", seed=seed, **NETWORKS[network], **VARIANTS[variant],
                             epochs=10 * arguments.budget, warmup_steps=150 * arguments.budget)
        start = time.perf_counter()
        train(config, data_folder(arguments.data) / "photos" / "train", folder, precision=arguments.precision,
              progress=False, resume=(folder / "checkpoints" / "last.ckpt").exists())
        print(f"pre-trained {folder.name} in {time.perf_counter() - start:.0f} s", flush=True)
    return folder / "network"


def pretraining_rows(kept):
    """Return a row for each pre-trained network that is kept: the mean error of alpha over its last steps."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    rows = []
    for network, variant, seed, budget in itertools.product(NETWORKS, VARIANTS, range(10), (1, 2, 4)):
        folder = kept / name_of(network, variant, seed, budget)
        if (folder / "network").is_dir():
            logs = EventAccumulator(str(folder / "logs"))
            logs.Reload()
            events = logs.Scalars("loss/alpha")[-LAST:]
            name = f"{network}: {variant}{f', {budget} x budget' if budget > 1 else ''}"
            rows.append({"method": f"pre-training, {name}", "subject": f"seed {seed}, step {events[-1].step + 1}",
                         "size": [112, 112], "median_s": None, "iqr_s": None, "peak_mib": None,
                         "error": {"l1": float(np.mean([event.value for event in events]))}})
    return rows


class Curve(lightning.Callback):
    """Score photographs after some of the steps."""

    def __init__(self, samples):
        self._samples, self.errors = samples, {}

    def on_train_batch_end(self, trainer, module, *_):
        """Keep SAD and MSE over the unknown region of each photograph."""
        if trainer.global_step in SCORED:
            alphas = [predict_sample(module.network, sample) for sample in self._samples]
            self.errors[trainer.global_step] = [
                (sad(alpha, sample.alpha, sample.trimap), mse(alpha, sample.alpha, sample.trimap))
                for alpha, sample in zip(alphas, self._samples, strict=True)]


def fine_tune(name, config, samples, foregrounds, arguments):
    """Fine-tune a network a fold; return a row for each scored step, of means over all twelve photographs."""
    errors, start = {step: [] for step in SCORED}, time.perf_counter()
    for learned, scored in folds(samples, foregrounds):
        curve = Curve(scored)
        with tempfile.TemporaryDirectory() as folder:
            train(config, learned, Path(folder) / "run", precision=arguments.precision, progress=False,
                  backgrounds=data_folder(arguments.data) / "photos" / "train", callbacks=[curve])
        for step, found in curve.errors.items():
            errors[step] += found
    seconds = time.perf_counter() - start
    return [{"method": name, "subject": f"seed {config.seed}, step {step}", "size": [config.crop, config.crop],
             "median_s": seconds, "iqr_s": None, "peak_mib": None,
             "error": dict(zip(("sad_t", "mse_t"), map(float, np.mean(found, axis=0)), strict=True))}
            for step, found in errors.items() if found]


if __name__ == "__main__":
    main()
