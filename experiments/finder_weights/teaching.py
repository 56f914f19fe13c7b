"""Masks that a network estimates for photographs without labels, kept where it is certain."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from experiments.finder_weights.samples import Photograph, read_bytes
from hybridmatte import write_alpha
from hybridmatte.networks import MattingNetwork, predict_alpha

SIDES = 224, 288, 352  # pixels: shorter sides of the image that the network sees; masks are means over these
CERTAINTY_MIN = 0.6  # soft overlap of the mask with itself, see `certainty`
AREAS = 0.02, 0.9  # allowed shares of the image that are inside


def taught_masks(network: MattingNetwork, paths: Sequence[Path], folder: Path) -> list[Photograph]:
    """Write masks of photographs into a folder, and return those that are certain."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = []
    for path in paths:
        image = np.float32(read_bytes(Photograph(path, None))[0]) / 255
        mask = mean_mask(network, image)
        low, high = AREAS
        if certainty(mask) >= CERTAINTY_MIN and low <= (mask >= 0.5).mean() <= high:
            write_alpha(folder / f"{path.stem}.png", mask)
            kept.append(Photograph(path, folder / f"{path.stem}.png"))
    return kept


def mean_mask(network: MattingNetwork, image: np.ndarray) -> np.ndarray:
    """Return the mean of a network's alphas for an image and its mirror image, at several sizes."""
    height, width = image.shape[:2]
    alphas = []
    for side in SIDES:
        factor = side / min(height, width)
        shrunk = cv2.resize(image, (round(width * factor), round(height * factor)), interpolation=cv2.INTER_AREA)
        for view in (1, -1):
            alpha = predict_alpha(network, np.ascontiguousarray(shrunk[:, ::view]))[:, ::view]
            alphas.append(cv2.resize(np.ascontiguousarray(alpha), (width, height), interpolation=cv2.INTER_LINEAR))
    return np.mean(alphas, axis=0, dtype=np.float32)


def certainty(mask: np.ndarray) -> float:
    """Return the area above 0.8 over that above 0.2: 1 for a mask without doubtful pixels, 0 for one without others."""
    return float(np.count_nonzero(mask > 0.8) / max(np.count_nonzero(mask > 0.2), 1))
