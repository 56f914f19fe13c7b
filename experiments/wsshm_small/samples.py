"""People with masks, mattes over photographs, and what is scored: nothing is in two of these."""

import numpy as np

from experiments.alpha_free_small.samples import test_samples
from experiments.common import data_folder
from experiments.dpt_small.samples import with_foregrounds
from experiments.trimap_free_small.samples import people, predicted
from hybridmatte.data import Photographs, random_hair
from hybridmatte.data.compositing import fit_background

DRAWN = 60  # pictures of hair
SIDE = 384  # pixels of a drawn picture
SOME = 4  # photographed mattes, and a tenth of the drawn ones
MATTES = ("none", "some", "all")
MASKS = (0, 50, 190)


def mattes(data, amount):
    """Return foregrounds with alphas: of alphamatting (true alphas), of animals (predicted ones), and drawn hair."""
    photographed = with_foregrounds([*test_samples(data), *predicted(data, "animals")])
    drawn = hair(data)
    return photographed + drawn if amount == "all" else photographed[:SOME] + drawn[:DRAWN // 10]


def hair(data):
    """Return drawn hair in the colours of photographs."""
    photographs = Photographs(data_folder(data) / "photos" / "train")
    drawn = []
    for index in range(DRAWN):
        texture = fit_background(np.float32(photographs[index]) / 255, (SIDE, SIDE))
        drawn.append(random_hair((SIDE, SIDE), np.random.default_rng([7, index]), texture=texture))
    return drawn


def masked(data, count):
    """Return so many people to learn from, with image and mask."""
    return people(data)[0][:count]


def scored(data):
    """Return the portraits with predicted alphas, and the held-out people with masks."""
    return predicted(data, "portraits"), people(data)[1]
