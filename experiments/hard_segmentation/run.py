"""Descend on each loss from a hard mask, across an edge whose colour is linear."""

from collections.abc import Iterator

import numpy as np
import torch

from experiments.descent import LOSSES, descend, to_batch
from experiments.hard_segmentation import STEPS
from experiments.options import Options
from experiments.results import Row, make_row

WIDTH, EDGE, HEIGHT = 60, 24, 3  # pixels: so low that windows reach along the edge, not only across
RATE = 0.002
MIDDLE = slice((WIDTH - EDGE) // 2 + 8, (WIDTH + EDGE) // 2 - 8)


def run(options: Options) -> Iterator[list[Row]]:
    """Measure the true alpha, then each loss."""
    torch.set_num_threads(options.threads)
    image, trimap, alpha = edge_scene()
    yield [profile_row("true alpha", alpha, {})]
    steep = np.clip(3 * (alpha - 0.5) + 0.5, 0.0, 1.0)
    for prior, loss in LOSSES.items():
        losses = {
            name: loss(to_batch(values), to_batch(image)).item()
            for name, values in (("loss_true", alpha), ("loss_steep", steep))
        }
        start = (alpha > 0.5).astype(float)
        found = descend(image, trimap, prior, start=start, steps=STEPS, rate=RATE)[-1]
        yield [profile_row(prior, found, losses)]


def edge_scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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


def profile_row(method: str, alpha: np.ndarray, losses: dict[str, float]) -> Row:
    """Return the row of an alpha: its slopes across the edge in the middle row, and that profile."""
    profile = alpha[HEIGHT // 2].astype(float)
    slopes = {
        "largest_step": float(np.abs(np.diff(profile)).max()),
        "middle_slope": float(np.diff(profile[MIDDLE]).mean()),
    }
    return make_row(method, "linear edge", [HEIGHT, WIDTH], losses | slopes, profile=profile.round(4).tolist())
