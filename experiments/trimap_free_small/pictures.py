"""Pictures of the attention, and of people before and after adaptation."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from experiments.sheets import GREEN, as_grey, make_sheet
from hybridmatte import composite, estimate_foreground, write_image
from hybridmatte.data import Sample
from hybridmatte.data.segmentation import soft_segmentation
from hybridmatte.networks.prediction import as_batch

SCALE = 0.4  # of the paper's pixels, as in real.toml


def draw_attention(network, sample: Sample, path: Path) -> None:
    """Show where three places of an image attend to, and the result of the attention (Fig. 1 of the paper).

    The places are unknown, in the foreground and in the background. The last picture is the mean size of the channels
    of the attention's result.
    """
    inputs = []
    handle = network.attention.register_forward_pre_hook(lambda _, arguments: inputs.append(arguments))
    with network.predicting():
        planes = network.prepared(*as_batch(sample.image, sample.trimap))
        network.estimate(planes)
        weights, result = network.attention.weights(*inputs[0])[0], network.attention(*inputs[0])[0]
    handle.remove()
    height, width = (side // 8 for side in planes.shape[2:])
    tiles = [sample.image, as_grey(sample.trimap)]
    for value in (0.5, 1.0, 0.0):
        rows, columns = np.nonzero(sample.trimap[4:-4:8, 4:-4:8] == value)
        middle = len(rows) // 2
        weight = weights[rows[middle] * width + columns[middle]].view(height // 4, width // 4).numpy()
        tiles.append(marked(sample.image, weight, 8 * rows[middle] + 4, 8 * columns[middle] + 4))
    strength = result.abs().mean(dim=0).numpy()
    strength = cv2.resize(strength / strength.max(), None, fx=8, fy=8, interpolation=cv2.INTER_LINEAR)
    tiles.append(as_grey(strength[: sample.image.shape[0], : sample.image.shape[1]]))
    write_image(path, make_sheet([tiles]))


def marked(image: np.ndarray, weight: np.ndarray, row: int, column: int) -> np.ndarray:
    """Return an image lit by attention, the attending place in a red box."""
    weight = cv2.resize(weight / weight.max(), None, fx=32, fy=32, interpolation=cv2.INTER_NEAREST)
    lit = image * (0.15 + 0.85 * weight[: image.shape[0], : image.shape[1], None])
    lit = np.ascontiguousarray(lit, np.float32)
    cv2.rectangle(lit, (int(column) - 8, int(row) - 8), (int(column) + 8, int(row) + 8), (1, 0, 0), 2)
    return lit


def draw_people(joints: Sequence, people: Sequence[Sample], portraits: Sequence[Sample], path: Path) -> None:
    """Show photographs, their masks, and both networks' objects over a plain and a textured background."""
    texture = np.random.default_rng(0).random((60, 80, 3)).astype(np.float32)
    rows = []
    for sample in [*people, *portraits]:
        mask = soft_segmentation(
            sample.alpha if sample.mask is None else sample.mask, erode=20 * SCALE, blur=31 * SCALE
        )
        tiles = [sample.image, as_grey(mask)]
        behind = cv2.resize(texture, mask.shape[::-1], interpolation=cv2.INTER_CUBIC).clip(0, 1)
        for joint in joints:
            alpha, _ = joint.predict(sample.image, mask)
            foreground = estimate_foreground(sample.image, alpha)
            tiles += [composite(foreground, alpha, GREEN), composite(foreground, alpha, behind)]
        rows.append(tiles)
    write_image(path, make_sheet(rows))
