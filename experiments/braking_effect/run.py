"""Measure the roots of the recurrence, a drawn hair under descent on each loss, and hair in photographs."""

from collections.abc import Iterator

import torch

from experiments.braking_effect import Options
from experiments.braking_effect.drawn_hair import drawn_rows
from experiments.braking_effect.photographed_hair import photograph_rows
from experiments.braking_effect.recurrence import recurrence_rows
from experiments.results import Row


def run(options: Options) -> Iterator[list[Row]]:
    """Measure the parts asked for."""
    torch.set_num_threads(options.threads)
    if "recurrence" in options.parts:
        yield recurrence_rows()
    if "drawn" in options.parts:
        for row in drawn_rows():
            yield [row]
    if "photographs" in options.parts:
        yield from photograph_rows(options.data, options.images)
