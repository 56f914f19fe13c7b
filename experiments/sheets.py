"""Sheets of pictures side by side."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from hybridmatte import composite, estimate_foreground, write_image
from hybridmatte.data import Sample

HEIGHT = 220  # pixels of each picture on a sheet
GREEN = np.float32([0.2, 0.7, 0.3])  # plain background that objects are shown over


def make_sheet(rows: Sequence[Sequence[npt.NDArray]]) -> npt.NDArray[np.float32]:
    """Return rows of pictures (H, W, 3) side by side, each at the same height, padded to the widest row."""
    lines = [
        np.concatenate(
            [
                cv2.resize(
                    np.float32(tile),
                    (round(HEIGHT * tile.shape[1] / tile.shape[0]), HEIGHT),
                    interpolation=cv2.INTER_AREA,
                )
                for tile in tiles
            ],
            axis=1,
        )
        for tiles in rows
    ]
    width = max(line.shape[1] for line in lines)
    return np.concatenate(
        [np.pad(line, ((0, 4), (0, width - line.shape[1]), (0, 0)), constant_values=1) for line in lines]
    ).clip(0, 1)


def as_grey(plane: npt.NDArray) -> npt.NDArray:
    """Return a plane (H, W) as a grey picture (H, W, 3)."""
    return np.repeat(plane[:, :, None], 3, axis=2)


def draw_alphas(predict: Callable[[npt.NDArray], npt.NDArray], samples: Sequence[Sample], path: Path) -> None:
    """Write a sheet: each photograph, the alpha that a function of its image gives, and the object over green."""
    rows = []
    for sample in samples:
        alpha = predict(sample.image)
        over = composite(estimate_foreground(sample.image, alpha), alpha, GREEN)
        rows.append([sample.image, as_grey(alpha), over])
    write_image(path, make_sheet(rows))
