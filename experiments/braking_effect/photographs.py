"""Hairs on photographs under descent on each prior, from a coarse mask."""

import cv2
import numpy as np

from experiments.common import alphamatting_cases
from experiments.descent import PRIORS, descend

RADIUS = 4  # pixels: what an opening by this disk removes from the foreground counts as hair
STEPS, EVERY, RATE = 600, 50, 0.01
HAIR, EMPTY = 0.5, 0.02  # true alpha of a hair, at least; of the background, at most


def coarse_mask(alpha):
    """Return the foreground without what is thinner than a disk: a mask as drawn in a hurry."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RADIUS + 1, 2 * RADIUS + 1))
    return cv2.morphologyEx((alpha >= HAIR).astype(np.uint8), cv2.MORPH_OPEN, disk)


def grow_hair(data):
    """Return ``{image: {prior: (steps, 2)}}``: mean alpha on unknown hairs and on unknown background, on the way.

    Alpha starts as the coarse mask of the true alpha; known pixels are those of the wide trimap and stay fixed.
    """
    grown = {}
    for case in alphamatting_cases(data, trimaps=("trimap2",)):
        is_unknown = (case.trimap > 0.1) & (case.trimap < 0.9)
        mask = coarse_mask(case.alpha)
        start = np.where(is_unknown, mask, case.trimap)
        regions = [is_unknown & (mask == 0) & (case.alpha >= HAIR), is_unknown & (mask == 0) & (case.alpha <= EMPTY)]
        if regions[0].sum() < 200 or regions[1].sum() < 200:
            continue
        grown[case.name] = {}
        for prior in (name for name, loss in PRIORS.items() if loss is not None):
            final, history = descend(case.image, case.trimap, prior, start=start, steps=STEPS, rate=RATE, every=EVERY)
            grown[case.name][prior] = np.array([[alpha[region].mean() for region in regions]
                                                for alpha in [*history, final]])
            print(case.name, int(regions[0].sum()), prior, grown[case.name][prior][-1].round(3).tolist(), flush=True)
    return grown


def draw_growth(grown, path):
    """Draw the means over the images against the steps; the shade is one standard error of the images."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    steps = np.arange(0, STEPS + 1, EVERY)
    for k, (axis, title) in enumerate(zip(axes, ("hair, true alpha 0.5 or more", "background"), strict=True)):
        for prior in next(iter(grown.values())):
            curves = np.stack([image[prior][:, k] for image in grown.values()])
            mean, error = curves.mean(axis=0), curves.std(axis=0, ddof=1) / np.sqrt(len(curves))
            line, = axis.plot(steps, mean, label=prior)
            axis.fill_between(steps, mean - error, mean + error, color=line.get_color(), alpha=0.15)
        axis.set(title=title, xlabel="steps", ylabel="mean alpha")
    axes[0].legend()
    figure.savefig(path, dpi=100)
