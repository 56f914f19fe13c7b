"""Train and score the grid of masks and mattes, the stages, the switches, and other students."""

from collections.abc import Iterator

import torch

from experiments.people_scores import PEOPLE_SIDE, predict_small
from experiments.results import Row
from experiments.samples import people, predicted
from experiments.sheets import draw_alphas
from experiments.wsshm_small import Options
from experiments.wsshm_small.networks import Networks
from hybridmatte.networks import load_network

MATTES = ("none", "some", "all")
MASKS = (0, 50, 190)
MOST = MASKS[-1]
SWITCHES = {
    "neither": {"strong": False, "ema": 0.0},
    "strong alone": {"ema": 0.0},
    "ema alone": {"strong": False},
    "soft boundary": {"soft_boundary": True},
    "boundary follows": {"frozen_boundary": False},
    "masks alone": {"mask_only": True},
}
STUDENTS = ("modnet", "gca")


def run(options: Options) -> Iterator[list[Row]]:
    """Train and score the parts and seeds asked for; draw people by the best student of seed 0."""
    torch.set_num_threads(options.threads)
    for seed in options.seeds:
        networks = Networks(seed, options)
        for part, rows in (("grid", grid), ("switches", switches), ("students", students)):
            if part in options.parts:
                yield from ([row] for row in rows(networks))
    best = options.kept / "0" / f"student {MOST} all" / "network"
    if best.is_dir():
        network = load_network(best)
        draw_alphas(
            lambda image: predict_small(network, image, PEOPLE_SIDE),
            [*predicted(options.data, "portraits"), *people(options.data)[1][:6]],
            options.kept / "people.png",
        )


def grid(networks: Networks) -> Iterator[Row]:
    """Yield the rows of Figs. 6 to 8 and of Table 3."""
    for count in MASKS:
        for amount in MATTES:
            if count == 0 and amount == "none":
                continue
            if amount == "none":
                yield networks.row(f"grid: {count} masks, none", networks.pretrained(count))
            elif count == 0:
                yield networks.row(f"grid: 0 masks, {amount}", networks.teacher(0, amount))
            else:
                yield networks.row(f"grid: {count} masks, {amount}", networks.student(count, amount))
        if count:  # the control: labels are the masks
            yield networks.row(f"grid: {count} masks, masks alone", networks.control(count))
    yield networks.row("stages: teacher, masks alone", networks.pretrained(MOST))
    yield networks.row("stages: teacher, fine-tuned", networks.teacher(MOST, "all"))
    yield networks.row("stages: student", networks.student(MOST, "all"))
    yield networks.row("stages: student, masks alone", networks.control(MOST))


def switches(networks: Networks) -> Iterator[Row]:
    """Yield the rows of Table 5."""
    yield networks.row("switches: both", networks.student(MOST, "all"))
    for name, changes in SWITCHES.items():
        yield networks.row(f"switches: {name}", networks.student(MOST, "all", name=name, **changes))


def students(networks: Networks) -> Iterator[Row]:
    """Yield the rows of Table 6: other networks fine-tuned on mattes, and as students."""
    for network in STUDENTS:
        changes = {"network": network, "boundary": False}
        yield networks.row(f"students: {network}, fine-tuned", networks.teacher(MOST, "all", **changes))
        yield networks.row(
            f"students: {network}, blended labels", networks.student(MOST, "all", name=network, **changes)
        )
        yield networks.row(f"students: {network}, masks alone", networks.control(MOST, name=network, **changes))
