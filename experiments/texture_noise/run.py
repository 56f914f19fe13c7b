"""Descend on ``known + 10 prior`` with all pixels of a photograph free, as in training."""

from collections.abc import Iterator

import numpy as np
import torch

from experiments.descent import PRIORS, descend
from experiments.guide_pictures.scenes import flower
from experiments.options import Options
from experiments.results import Row, make_row
from experiments.sheets import as_grey
from hybridmatte import write_image

STEPS, RATE = 400, 0.01
DARKEST = 0.8  # alpha that is drawn black
BOX = np.s_[60:215, 70:185]  # what the picture shows


def run(options: Options) -> Iterator[list[Row]]:
    """Measure how far alpha strays inside the known regions, and write the alphas side by side."""
    torch.set_num_threads(options.threads)
    scene = flower()
    is_foreground, is_background = scene.trimap >= 0.9, scene.trimap <= 0.1
    cards = [scene.image[BOX]]
    for prior in PRIORS:
        alpha = descend(scene.image, scene.trimap, prior, start=scene.trimap, steps=STEPS, rate=RATE, fix_known=False)[
            -1
        ]
        cards.append(as_grey(np.clip((alpha[BOX] - DARKEST) / (1 - DARKEST), 0.0, 1.0)))
        yield [
            make_row(
                prior,
                "flower",
                alpha.shape,
                {
                    "foreground_mean": float(np.abs(alpha[is_foreground] - 1).mean()),
                    "foreground_99": float(np.percentile(1 - alpha[is_foreground], 99)),
                    "background_mean": float(alpha[is_background].mean()),
                },
            )
        ]
    sheet = np.concatenate([np.pad(card, ((0, 0), (0, 4), (0, 0)), constant_values=1.0) for card in cards], axis=1)
    write_image(options.output / "texture_noise.jpg", np.kron(sheet, np.ones((2, 2, 1))).astype(np.float32))
