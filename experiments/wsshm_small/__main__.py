"""Train and score the grid of masks and mattes, the stages, the switches, and other students."""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from experiments.common import add_training_arguments, data_folder, merge_results, training_environment
from experiments.wsshm_small.report import write_report
from experiments.wsshm_small.samples import MASKS, MATTES, masked, mattes, scored
from experiments.wsshm_small.scoring import alone, draw, mean_square
from hybridmatte.automatic.mattes import PEOPLE_SIDE
from hybridmatte.networks import load_network
from hybridmatte.training import read_config, train

FOLDER = Path(__file__).parent
SWITCHES = {"neither": {"strong": False, "ema": 0.0}, "strong alone": {"ema": 0.0}, "ema alone": {"strong": False}}
STUDENTS = ("modnet", "gca")
STAGES = ("grid", "switches", "students")


def main():
    """Run the stages and seeds asked for; rows are kept as they come."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_training_arguments(parser, "wsshm_small_networks")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=list(STAGES))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    metadata = training_environment(arguments.threads)
    for seed in [] if arguments.report else arguments.seeds:
        runs = Runs(seed, arguments)
        for stage in arguments.stages:
            for rows in {"grid": grid, "switches": switches, "students": students}[stage](runs):
                merge_results(FOLDER / "result.json", metadata, rows)
    write_report(FOLDER)
    best = arguments.kept / "0" / f"student {MASKS[-1]} all" / "network"
    if best.is_dir():
        network, (portraits, held_out) = load_network(best), scored(arguments.data)
        draw(lambda image: alone(network, image, PEOPLE_SIDE), [*portraits, *held_out[:6]],
             arguments.kept / "people.png")


class Runs:
    """The networks of a seed, trained when they are first asked for, and their scores."""

    def __init__(self, seed, arguments):
        self.seed, self._arguments, self._mattes, self._scores = seed, arguments, {}, {}

    def pretrained(self, count, **changes):
        """Return the folder of a network pre-trained on masks."""
        name = f"pre-trained {count} {changes.get('network', 'unet')}"
        return self._trained(name, "segmentation.toml", masked(self._arguments.data, count), **changes)

    def teacher(self, count, amount, **changes):
        """Return the folder of a network trained on mattes, from one pre-trained on masks if there are any."""
        start = {"init_from": str(self.pretrained(count, **changes))} if count else {}
        name = f"teacher {count} {amount} {changes.get('network', 'unet')}"
        return self._trained(name, "matte.toml", self._foregrounds(amount), composed=True, **start, **changes)

    def student(self, count, amount, name="student", **changes):
        """Return the folder of a network trained on blended labels."""
        network = {key: value for key, value in changes.items() if key in ("network", "boundary")}
        return self._trained(f"{name} {count} {amount}", "blending.toml", masked(self._arguments.data, count),
                             teacher=str(self.teacher(count, amount)),
                             init_from=str(self.pretrained(count, **network)), **changes)

    def rows(self, name, folder):
        """Return the row of a network's scores."""
        if folder not in self._scores:
            self._scores[folder] = self._score(load_network(folder))
        errors = self._scores[folder]
        print(self.seed, name, {key: round(value, 2) for key, value in errors.items()}, flush=True)
        count = len(scored(self._arguments.data)[0])
        return [{"method": name, "subject": f"seed {self.seed}", "size": count, "median_s": None, "iqr_s": None,
                 "peak_mib": None, "error": errors}]

    def _score(self, network):
        errors = {}
        for kind, samples in zip(("portraits", "people"), scored(self._arguments.data), strict=True):
            found = [alone(network, sample.image, PEOPLE_SIDE) for sample in samples]
            targets = [sample.alpha if kind == "portraits" else np.float32(sample.mask >= 0.5) for sample in samples]
            errors |= {f"{kind}_whole": mean_square(found, targets)}
            if kind == "portraits":
                errors["portraits_boundary"] = mean_square(found, targets, boundary=True)
        return errors

    def _foregrounds(self, amount):
        if amount not in self._mattes:
            self._mattes[amount] = mattes(self._arguments.data, amount)
        return self._mattes[amount]

    def _trained(self, name, file, samples, *, composed=False, **changes):
        """Return the folder of a network, trained now if it is not kept."""
        folder = self._arguments.kept / str(self.seed) / name
        if not (folder / "network").is_dir():
            start = time.perf_counter()
            backgrounds = data_folder(self._arguments.data) / "photos" / "train" if composed else None
            train(read_config(FOLDER / file, seed=self.seed, **changes), samples, folder,
                  precision=self._arguments.precision, progress=False, backgrounds=backgrounds,
                  resume=(folder / "checkpoints" / "last.ckpt").exists())
            print(f"seed {self.seed}: trained {name} in {time.perf_counter() - start:.0f} s", flush=True)
        return folder / "network"


def grid(runs):
    """Yield the rows of Figs. 6 to 8 and of Table 3."""
    for count in MASKS:
        for amount in MATTES:
            if count == 0 and amount == "none":
                continue
            if amount == "none":
                yield runs.rows(f"grid: {count} masks, none", runs.pretrained(count))
            elif count == 0:
                yield runs.rows(f"grid: 0 masks, {amount}", runs.teacher(0, amount))
            else:
                yield runs.rows(f"grid: {count} masks, {amount}", runs.student(count, amount))
    yield runs.rows("stages: teacher, masks alone", runs.pretrained(MASKS[-1]))
    yield runs.rows("stages: teacher, fine-tuned", runs.teacher(MASKS[-1], "all"))
    yield runs.rows("stages: student", runs.student(MASKS[-1], "all"))


def switches(runs):
    """Yield the rows of Table 5."""
    yield runs.rows("switches: both", runs.student(MASKS[-1], "all"))
    for name, changes in SWITCHES.items():
        yield runs.rows(f"switches: {name}", runs.student(MASKS[-1], "all", name=name, **changes))


def students(runs):
    """Yield the rows of Table 6: other networks fine-tuned on mattes, and as students."""
    for network in STUDENTS:
        changes = {"network": network, "boundary": False}
        yield runs.rows(f"students: {network}, fine-tuned", runs.teacher(MASKS[-1], "all", **changes))
        yield runs.rows(f"students: {network}, blended labels",
                        runs.student(MASKS[-1], "all", name=network, **changes))


if __name__ == "__main__":
    main()
