"""Hair in photographs under descent on each loss, from a coarse mask."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from experiments.braking_effect import EVERY, STEPS
from experiments.data_sets import alphamatting_cases
from experiments.descent import LOSSES, descend
from experiments.results import Row, make_row

RADIUS = 4  # pixels: what an opening by this disk removes from the foreground counts as hair
RATE = 0.01
HAIR, EMPTY = 0.5, 0.02  # true alpha of a hair, at least; of the background, at most
MIN_PIXELS = 200  # of either kind; a photograph with fewer is left out


def coarse_mask(alpha: np.ndarray) -> np.ndarray:
    """Return the foreground without what is thinner than a disk: a mask as drawn in a hurry."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RADIUS + 1, 2 * RADIUS + 1))
    return cv2.morphologyEx((alpha >= HAIR).astype(np.uint8), cv2.MORPH_OPEN, disk)


def photograph_rows(data: Path, images: Sequence[str]) -> Iterator[list[Row]]:
    """Yield, for each photograph, the rows of all losses: mean alpha on hair and on background, also on the way.

    Alpha starts as the coarse mask of the true alpha; known pixels are those of the wide trimap and stay fixed.
    """
    for case in alphamatting_cases(data, images, trimaps=("trimap2",)):
        is_unknown = (case.trimap > 0.1) & (case.trimap < 0.9)
        mask = coarse_mask(case.alpha)
        start = np.where(is_unknown, mask, case.trimap)
        regions = [is_unknown & (mask == 0) & (case.alpha >= HAIR), is_unknown & (mask == 0) & (case.alpha <= EMPTY)]
        if min(region.sum() for region in regions) < MIN_PIXELS:
            continue
        rows = []
        for prior in LOSSES:
            history = descend(case.image, case.trimap, prior, start=start, steps=STEPS, rate=RATE, every=EVERY)
            means = np.array([[alpha[region].mean() for region in regions] for alpha in history], float)
            rows.append(
                make_row(
                    prior,
                    f"photograph {case.name}",
                    int(regions[0].sum()),
                    {"hair": means[-1, 0], "background": means[-1, 1]},
                    growth=means.round(4).tolist(),
                )
            )
        yield rows
