"""Write hard_segmentation.png: alpha across a linear edge, under descent on each loss, from a hard mask."""

from pathlib import Path

import matplotlib as mpl
import numpy as np

from experiments.descent import PRIORS, descend, to_batch

FOLDER = Path(__file__).parent
WIDTH, EDGE, HEIGHT = 60, 24, 3  # pixels: so low that windows reach along the edge, not only across
STEPS, RATE = 4000, 0.002


def edge_scene():
    """Return image, trimap and true alpha: colour and alpha rise linearly together over EDGE pixels.

    The colours are a unit distance apart, so the true alpha differs between any two pixels as their colours do.
    """
    x = np.arange(WIDTH)
    alpha = np.tile(np.clip((x - (WIDTH - EDGE) / 2) / EDGE, 0.0, 1.0), (HEIGHT, 1))
    foreground, background = np.array([0.9, 0.7, 0.3]), np.array([0.1, 0.3, 0.1])
    scale = np.linalg.norm(foreground - background)
    foreground = background + (foreground - background) / scale
    image = alpha[:, :, None] * foreground + (1 - alpha[:, :, None]) * background
    trimap = np.full(alpha.shape, 0.5)
    trimap[:, :6], trimap[:, -6:] = 0.0, 1.0
    return image, trimap, alpha


def main():
    """Print slopes and losses, and draw the profiles."""
    mpl.use("Agg")
    image, trimap, alpha = edge_scene()
    steep = np.clip(3 * (alpha - 0.5) + 0.5, 0.0, 1.0)
    inner = slice((WIDTH - EDGE) // 2 + 8, (WIDTH + EDGE) // 2 - 8)
    print("loss of the true alpha / of one three times as steep, each less the least over both:")
    for prior, loss in PRIORS.items():
        if loss is not None:
            costs = [loss(to_batch(values), to_batch(image)).item() for values in (alpha, steep)]
            print(f"  {prior}: {costs[0]:.5f} / {costs[1]:.5f}")
    start = (alpha > 0.5).astype(float)
    profiles = {}
    for prior, loss in PRIORS.items():
        if loss is not None:
            final = descend(image, trimap, prior, start=start, steps=STEPS, rate=RATE)
            profiles[prior] = final[HEIGHT // 2]
            steps = np.diff(profiles[prior])
            print(f"{prior}: largest step between neighbours {np.abs(steps).max():.3f} (the colours': {1 / EDGE:.3f}), "
                  f"mean slope of the middle {np.diff(profiles[prior][inner]).mean():.3f}")
    draw(profiles, alpha[HEIGHT // 2])


def draw(profiles, truth):
    """Draw alpha across the edge for each loss."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(profiles), figsize=(3.2 * len(profiles), 2.8), layout="constrained", sharey=True)
    for axis, (prior, profile) in zip(axes, profiles.items(), strict=True):
        axis.plot(truth, "0.6", label="colour, and true alpha")
        axis.plot(profile, label=f"after {STEPS} steps")
        axis.set(title=prior, xlabel="pixels across the edge")
    axes[0].set_ylabel("alpha")
    axes[0].legend()
    figure.savefig(FOLDER / "hard_segmentation.png", dpi=100)


if __name__ == "__main__":
    main()
