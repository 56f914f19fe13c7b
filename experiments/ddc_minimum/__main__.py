"""Write ddc_minimum.png: the charge of a pair, and a minimiser in its Lipschitz band."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch

from experiments.guide_pictures.scenes import flower
from hybridmatte import lipschitz_band, solve_ddc, window_topk
from hybridmatte.losses.pairs import FORMS

FOLDER = Path(__file__).parent
WIDTH, HEIGHT = 61, 2  # so low that windows of 5 reach along the grey ramp, not only across


def compatible_scene(seed=0):
    """Return image and trimap of a grey scene whose known pixels are far enough apart in colour for a band.

    Foreground at the left, background at the right; between them grey rises by steps of different size.
    """
    rng = np.random.default_rng(seed)
    steps = 0.4 + rng.random(WIDTH - 1)
    grey = 1.3 / 3**0.5 * np.concatenate([[0.0], np.cumsum(steps)]) / steps.sum()  # 1.3 from end to end
    image = np.repeat(np.tile(grey, (HEIGHT, 1))[:, :, None], 3, axis=2)
    trimap = np.full((HEIGHT, WIDTH), 0.5)
    trimap[:, 0], trimap[:, -1] = 1.0, 0.0
    return image, trimap


def mutual_share(image, window_size=11):
    """Return the share of selected pairs, the centre apart, that are also selected the other way."""
    topk = window_topk(image, window_size)
    n, k = topk.offsets.shape[0] * topk.offsets.shape[1], topk.offsets.shape[2]
    tails = np.repeat(np.arange(n), k)
    heads = tails + topk.offsets.ravel()
    tails, heads = tails[heads != tails], heads[heads != tails]
    return np.isin(tails * np.int64(n) + heads, heads * np.int64(n) + tails).mean()


def main():
    """Print what is measured, and draw the picture."""
    mpl.use("Agg")
    image, trimap = compatible_scene()
    band = lipschitz_band(image, trimap, window_size=5)
    solved = {form: solve_ddc(image, trimap, form=form, window_size=5, gap=1e-6, maxiter=50_000)
              for form in ("ddc", "hinge")}
    unknown = trimap == 0.5
    print(f"made scene: band empty on {band.is_empty[unknown].mean():.1%} of the unknown pixels")
    for form, alpha in solved.items():
        outside = np.maximum(band.lower - alpha, alpha - band.upper)[unknown].max()
        print(f"  {form}: the minimiser leaves the band by at most {max(outside, 0.0):.1e}")
    scene = flower()
    band_of_photograph = lipschitz_band(scene.image, scene.trimap)
    share = band_of_photograph.is_empty[(scene.trimap > 0.1) & (scene.trimap < 0.9)].mean()
    print(f"flower: band empty on {share:.1%} of the unknown pixels; {mutual_share(scene.image):.1%} of the pairs "
          "mutual")
    draw(band, solved)


def draw(band, solved):
    """Draw the charges of a pair with d = 0.3 and the band along the middle row of the made scene."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), layout="constrained")
    x, d = torch.linspace(-1, 1, 401), torch.tensor(0.3)
    names = {"dc": "DC", "ddc": "DDC, one way", "symmetric_ddc": "DDC, mean of both ways", "hinge": "hinge"}
    for form, name in names.items():
        axes[0].plot(x, FORMS[form](x, d), label=name)
    axes[0].axvspan(-0.3, 0.3, color="0.93", zorder=0)
    axes[0].set(title="charge of a pair whose colours differ by 0.3", xlabel="difference of the alphas")
    axes[0].legend()
    row = HEIGHT // 2
    axes[1].fill_between(np.arange(WIDTH), band.lower[row], band.upper[row], color="0.85", label="Lipschitz band")
    for form, alpha in solved.items():
        axes[1].plot(alpha[row], label=f"solve_ddc, {form}")
    axes[1].set(title="minimisers on a made scene", xlabel="pixels", ylabel="alpha")
    axes[1].legend()
    figure.savefig(FOLDER / "ddc_minimum.png", dpi=100)


if __name__ == "__main__":
    main()
