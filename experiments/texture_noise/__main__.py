"""Write texture_noise.jpg: alphas of a photograph under ``known + 10 prior``, all pixels free, as in training."""

from pathlib import Path

import numpy as np

from experiments.descent import PRIORS, descend
from experiments.guide_pictures.scenes import flower
from hybridmatte import write_image

FOLDER = Path(__file__).parent
STEPS, RATE = 400, 0.01


def main():
    """Print how far alpha strays inside the known regions, and write the alphas side by side."""
    scene = flower()
    interior, outside = scene.trimap >= 0.9, scene.trimap <= 0.1
    planes = []
    for prior in PRIORS:
        alpha = descend(scene.image, scene.trimap, prior, start=scene.trimap, steps=STEPS, rate=RATE, fix_known=False)
        planes.append(alpha)
        print(f"{prior}: mean |alpha - 1| on the known foreground {np.abs(alpha[interior] - 1).mean():.5f}, "
              f"its 99th percentile {np.percentile(1 - alpha[interior], 99):.4f}, "
              f"mean alpha on the known background {alpha[outside].mean():.5f}")
    grey = np.concatenate([np.repeat(plane[:, :, None], 3, axis=2) for plane in planes], axis=1)
    write_image(FOLDER / "texture_noise.jpg", np.concatenate([scene.image, grey], axis=1).astype(np.float32))


if __name__ == "__main__":
    main()
