"""Write texture_noise.jpg: alphas of a photograph under ``known + 10 prior``, all pixels free, as in training."""

from pathlib import Path

import numpy as np

from experiments.descent import PRIORS, descend
from experiments.guide_pictures.scenes import flower
from hybridmatte import write_image

FOLDER = Path(__file__).parent
STEPS, RATE = 400, 0.01
DARKEST = 0.8  # alpha that is drawn black


def main():
    """Print how far alpha strays inside the known regions, and write the alphas side by side."""
    scene = flower()
    interior, outside = scene.trimap >= 0.9, scene.trimap <= 0.1
    planes, box = [], np.s_[60:215, 70:185]
    for prior in PRIORS:
        alpha = descend(scene.image, scene.trimap, prior, start=scene.trimap, steps=STEPS, rate=RATE, fix_known=False)
        planes.append(np.clip((alpha[box] - DARKEST) / (1 - DARKEST), 0.0, 1.0))
        print(f"{prior}: mean |alpha - 1| on the known foreground {np.abs(alpha[interior] - 1).mean():.5f}, "
              f"its 99th percentile {np.percentile(1 - alpha[interior], 99):.4f}, "
              f"mean alpha on the known background {alpha[outside].mean():.5f}")
    cards = [scene.image[box], *(np.repeat(plane[:, :, None], 3, axis=2) for plane in planes)]
    sheet = np.concatenate([np.pad(card, ((0, 0), (0, 4), (0, 0)), constant_values=1.0) for card in cards], axis=1)
    write_image(FOLDER / "texture_noise.jpg", np.kron(sheet, np.ones((2, 2, 1))).astype(np.float32))


if __name__ == "__main__":
    main()
