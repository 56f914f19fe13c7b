"""Train and score the stages, the grid of masks and mattes, the switches, and other students."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch

from experiments.people_scores import PEOPLE_SIDE, predict_small
from experiments.recorded import FITTED_COLOURS, Recorded
from experiments.results import Row, make_row
from experiments.samples import people, predicted
from experiments.sheets import draw_alphas
from experiments.wsshm_small import CONSTANTS, EXPERIMENT, Options
from experiments.wsshm_small.networks import LONGER, Networks, score_constants
from hybridmatte.networks import load_network

MATTES = ("some", "all")
MASKS = (50, 1000)
MOST = MASKS[-1]
SWITCHES = {
    "neither": {"strong": False, "ema": 0.0},
    "strong alone": {"ema": 0.0},
    "ema alone": {"strong": False},
    "soft boundary": {"soft_boundary": True},
    "boundary follows": {"frozen_boundary": False},
}
CONSTANT = "constants: best constant alpha"
BOUNDARY_WEIGHTS = (0.1, 0.01)  # beside that of matte.toml
STUDENTS = {
    "pyramid": {"network": "pyramid", "boundary": False},
    "modnet": {"network": "modnet", "size": "tiny", "pretrained": False, "boundary": False},
}


class Job(NamedTuple):
    """A row to measure: its name, what it changes in the recipes, and what trains its network unless it is kept."""

    method: str
    changes: dict[str, Any]
    train: Callable[[Networks], Path]


def run(options: Options) -> Iterator[list[Row]]:
    """Measure the rows that are missing, all seeds of a part before the next part; draw people by the best student."""
    torch.set_num_threads(options.threads)
    recorded = Recorded(EXPERIMENT.name, options.output, options.data, FITTED_COLOURS)
    for part in (part for part in options.parts if part != CONSTANTS):
        for seed in options.seeds:
            networks = Networks(seed, options, is_longer=part == "longer")
            for job in JOBS[part]():
                if not recorded.has(job.method, f"seed {seed}", job.changes):
                    row = networks.row(job.method, job.train(networks))
                    yield [row | {"configuration": recorded.configuration(job.changes)}]
    if CONSTANTS in options.parts and not recorded.has(CONSTANT, "any seed"):
        row = make_row(CONSTANT, "any seed", len(predicted(options.data, "portraits")), score_constants(options.data))
        yield [row | {"configuration": recorded.configuration()}]
    best = options.kept / "0" / f"student {MOST} all" / "network"
    if best.is_dir():
        network = load_network(best)
        draw_alphas(
            lambda image: predict_small(network, image, PEOPLE_SIDE),
            [*predicted(options.data, "portraits"), *people(options.data)[1][:6]],
            options.kept / "people.png",
        )


def stages(part: str = "stages", changes: Mapping[str, Any] = MappingProxyType({})) -> Iterator[Job]:
    """Yield the rows of Table 3, and the control whose labels are the masks."""
    yield Job(f"{part}: teacher, masks alone", {**changes}, lambda networks: networks.pretrained(MOST))
    yield Job(f"{part}: teacher, fine-tuned", {**changes}, lambda networks: networks.teacher(MOST, "all"))
    yield Job(f"{part}: student", {**changes}, lambda networks: networks.student(MOST, "all"))
    control = {**changes, "mask_only": True}
    yield Job(f"{part}: student, masks alone", control, lambda networks: networks.control(MOST))


def longer() -> Iterator[Job]:
    """Yield the rows of Table 3 after pre-training that is 20 times as long as the teacher's training.

    What differs is in `Networks`; it stands here for the rows' configuration.
    """
    return stages("longer", {recipe.stem: values for recipe, values in LONGER.items()})


def grid() -> Iterator[Job]:
    """Yield the rows of Figs. 6 to 9."""
    for amount in MATTES:
        yield Job(f"grid: 0 masks, {amount}", {}, lambda networks, amount=amount: networks.teacher(0, amount))
    for count in MASKS:
        name = f"grid: {count} masks"
        yield Job(f"{name}, none", {}, lambda networks, count=count: networks.pretrained(count))
        control = {"mask_only": True}
        yield Job(f"{name}, masks alone", control, lambda networks, count=count: networks.control(count))
        for amount in MATTES:
            yield Job(
                f"{name}, {amount}", {}, lambda networks, count=count, amount=amount: networks.student(count, amount)
            )


def switches() -> Iterator[Job]:
    """Yield the rows of Table 5, and the forms of the boundary."""
    yield Job("switches: both", {}, lambda networks: networks.student(MOST, "all"))
    yield Job("switches: masks alone", {"mask_only": True}, lambda networks: networks.control(MOST))
    for name, changes in SWITCHES.items():
        yield Job(
            f"switches: {name}",
            changes,
            lambda networks, name=name, changes=changes: networks.student(MOST, "all", name=name, **changes),
        )


def weights() -> Iterator[Job]:
    """Yield the rows of Table 4: students of teachers with other weights of the boundary loss, and of masks alone."""
    yield Job("weights: as configured", {}, lambda networks: networks.student(MOST, "all"))
    yield Job("weights: masks alone", {"mask_only": True}, lambda networks: networks.control(MOST))
    for weight in BOUNDARY_WEIGHTS:
        changes = {"boundary_weight": weight}
        yield Job(
            f"weights: {weight:g}",
            changes,
            lambda networks, changes=changes: networks.student(MOST, "all", teacher_changes=changes),
        )


def students() -> Iterator[Job]:
    """Yield the rows of Table 6: other networks fine-tuned on mattes, as students, and as students of masks alone."""
    for name, changes in STUDENTS.items():
        yield Job(
            f"students: {name}, fine-tuned",
            changes,
            lambda networks, changes=changes: networks.teacher(MOST, "all", **changes),
        )
        yield Job(
            f"students: {name}, blended labels",
            changes,
            lambda networks, name=name, changes=changes: networks.student(MOST, "all", name=name, **changes),
        )
        yield Job(
            f"students: {name}, masks alone",
            changes | {"mask_only": True},
            lambda networks, name=name, changes=changes: networks.control(MOST, name=name, **changes),
        )


JOBS = {
    "stages": stages,
    "longer": longer,
    "grid": grid,
    "switches": switches,
    "weights": weights,
    "students": students,
}
