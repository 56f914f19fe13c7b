"""A drawn hair under descent on each loss."""

from collections.abc import Iterator

import numpy as np

from experiments.braking_effect import SNAPSHOTS
from experiments.descent import LOSSES, descend, to_batch
from experiments.results import Row, make_row

LENGTH, BODY, HEIGHT = 48, 16, 15  # pixels: of the hair, of the body to its left, of the scene
RATE = 0.02
HAIR = (HEIGHT // 2, slice(BODY, BODY + LENGTH))
SHAPES = {
    "true": np.ones(LENGTH),
    "step": np.float64(np.arange(LENGTH) < LENGTH // 2),
    "ramp": np.linspace(1, 0, LENGTH),
}  # alpha along the hair


def hair_scene() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return image, trimap and true alpha of a yellow body with one hair, one pixel wide, over blue.

    Known are the body's left half and the background away from the hair.
    """
    alpha = np.zeros((HEIGHT, BODY + LENGTH + 8))
    alpha[:, :BODY] = 1.0
    alpha[HAIR] = 1.0
    image = alpha[:, :, None] * np.array([0.9, 0.8, 0.2]) + (1 - alpha[:, :, None]) * np.array([0.1, 0.2, 0.6])
    trimap = np.full(alpha.shape, 0.5)
    trimap[:, : BODY - 4] = 1.0
    trimap[[0, -1], BODY + 4 :] = 0.0
    trimap[:, -4:] = 0.0
    return image, trimap, alpha


def drawn_rows() -> Iterator[Row]:
    """Yield the row of each loss: what it is for three hairs, and the hair that grows from no hair."""
    image, trimap, alpha = hair_scene()
    start = np.where(trimap == 0.5, 0.0, trimap)
    start[:, :BODY] = 1.0
    for prior, loss in LOSSES.items():
        errors = {}
        for name, values in SHAPES.items():
            changed = alpha.copy()
            changed[HAIR] = values
            errors[f"loss_{name}"] = loss(to_batch(changed), to_batch(image)).item()
        history = descend(image, trimap, prior, start=start, steps=SNAPSHOTS[-1], rate=RATE, every=1)
        grown = {step: history[step][HAIR] for step in SNAPSHOTS}
        errors |= {f"mean_{step}": float(hair.mean()) for step, hair in grown.items()}
        yield make_row(
            prior,
            "drawn hair",
            LENGTH,
            errors,
            hairs={str(step): hair.round(4).tolist() for step, hair in grown.items()},
        )
