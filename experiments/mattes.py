"""Mattes to composite over photographs without people: true, predicted and drawn ones."""

from pathlib import Path

import numpy as np

from experiments.data_sets import training_photographs
from experiments.samples import alphamatting_samples, predicted, with_foregrounds
from hybridmatte.data import Photographs, Sample, random_hair
from hybridmatte.data.compositing import fit_background

DRAWN = 60  # pictures of hair
SIDE = 384  # pixels of a drawn picture
SOME = 4  # photographed mattes, and a tenth of the drawn ones


def read_mattes(data: Path, amount: str) -> list[Sample]:
    """Return "some" or "all" of the foregrounds with alphas.

    They are of alphamatting (true alphas) and of animals (predicted ones), and drawn hair.
    """
    photographed = with_foregrounds([*alphamatting_samples(data), *predicted(data, "animals")])
    drawn = draw_hair(data)
    return photographed + drawn if amount == "all" else photographed[:SOME] + drawn[: DRAWN // 10]


def draw_hair(data: Path) -> list[Sample]:
    """Return drawn hair in the colours of photographs."""
    photographs = Photographs(training_photographs(data))
    drawn = []
    for index in range(DRAWN):
        texture = fit_background(np.float32(photographs[index]) / 255, (SIDE, SIDE))
        drawn.append(random_hair((SIDE, SIDE), np.random.default_rng([7, index]), texture=texture))
    return drawn
