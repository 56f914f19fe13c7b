"""Compute minimisers and the Lipschitz band on a made scene, and the band on a photograph."""

from collections.abc import Iterator

import numpy as np

from experiments.guide_pictures.scenes import flower
from experiments.options import Options
from experiments.results import Row, make_row
from hybridmatte import lipschitz_band, solve_ddc, window_topk

WIDTH, HEIGHT = 61, 2  # so low that windows of 5 reach along the grey ramp, not only across


def run(options: Options) -> Iterator[list[Row]]:  # noqa: ARG001
    """Measure the made scene, then the photograph."""
    yield list(made_rows())
    yield [flower_row()]


def made_rows() -> Iterator[Row]:
    """Yield the rows of the band and of the two minimisers on the made scene."""
    image, trimap = compatible_scene()
    band, is_unknown = lipschitz_band(image, trimap, window_size=5), trimap == 0.5
    yield make_row(
        "Lipschitz band",
        "made scene",
        [HEIGHT, WIDTH],
        {"empty": float(band.is_empty[is_unknown].mean())},
        lower=profile(band.lower),
        upper=profile(band.upper),
    )
    for form in ("ddc", "hinge"):
        alpha = solve_ddc(image, trimap, form=form, window_size=5, gap=1e-6, maxiter=50_000)
        outside = float(np.maximum(band.lower - alpha, alpha - band.upper)[is_unknown].max())
        yield make_row(form, "made scene", [HEIGHT, WIDTH], {"leaves_band": max(outside, 0.0)}, profile=profile(alpha))


def flower_row() -> Row:
    """Return the row of the band on the demo's flower at half size, with the share of mutual pairs."""
    scene = flower()
    is_unknown = (scene.trimap > 0.1) & (scene.trimap < 0.9)
    band = lipschitz_band(scene.image, scene.trimap)
    return make_row(
        "Lipschitz band",
        "flower",
        scene.trimap.shape,
        {"empty": float(band.is_empty[is_unknown].mean()), "mutual": mutual_share(scene.image)},
    )


def compatible_scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
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


def mutual_share(image: np.ndarray, window_size: int = 11) -> float:
    """Return the share of selected pairs, except pixels with themselves, that are also selected the other way."""
    topk = window_topk(image, window_size)
    n, k = topk.offsets.shape[0] * topk.offsets.shape[1], topk.offsets.shape[2]
    tails = np.repeat(np.arange(n), k)
    heads = tails + topk.offsets.ravel()
    tails, heads = tails[heads != tails], heads[heads != tails]
    return float(np.isin(tails * np.int64(n) + heads, heads * np.int64(n) + tails).mean())


def profile(plane: np.ndarray) -> list[float]:
    """Return the middle row of a plane, rounded for the record."""
    return plane[HEIGHT // 2].astype(float).round(4).tolist()
