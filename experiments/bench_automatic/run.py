"""Time the way from a photograph of 1024 pixels and a mask of 320 to alpha and to a cut-out."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from experiments.bench_automatic import WAYS, Options
from experiments.data_sets import data_folder
from experiments.results import Row, make_row
from experiments.timing import time_call
from hybridmatte import estimate_foreground, matte_from_mask, read_alpha, read_image
from hybridmatte._validation import to_float
from hybridmatte.networks import JointInference, net_m, net_t

MASK_SIDE = 320  # pixels, longer side of the mask


def run(options: Options) -> Iterator[list[Row]]:
    """Time each way on every photograph."""
    torch.set_num_threads(options.threads)
    pairs = photographs(options.data)
    for way in options.ways:
        yield [time_way(way, pairs)]


def photographs(data: Path) -> list[tuple]:
    """Return six photographs of 1024 pixels with masks of 320."""
    folder, pairs = data_folder(data) / "portraits", []
    for path in sorted((folder / "image").glob("*.jpg")):
        image = read_image(path)
        alpha = to_float(read_alpha(folder / "alpha_predicted" / f"{path.stem}.png"), "alpha")
        factor = MASK_SIDE / max(alpha.shape)
        size = tuple(round(factor * side) for side in alpha.shape[::-1])
        pairs.append((image, cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) >= 0.5))
    return pairs


def make_options(way: str) -> dict:
    """Return the options of `matte_from_mask` for a way; the networks are untrained, which does not change the time."""
    torch.manual_seed(0)
    if way == WAYS[0]:
        return {}
    if way == WAYS[1]:
        return {"method": "knn"}
    sizes = ("tiny", "tiny") if way == WAYS[2] else ("resnet50", "resnet34")
    return {"network": JointInference(net_t(sizes[0]), net_m(sizes[1])).eval()}


def time_way(way: str, pairs: list[tuple]) -> Row:
    """Return the row of a way: of the medians over three calls, the mean over photographs."""
    options, to_alpha, to_colours = make_options(way), [], []
    for image, mask in pairs:
        to_alpha.append(time_call(lambda: matte_from_mask(image, mask, **options)))  # noqa: B023
        alpha = to_alpha[-1].result.alpha
        to_colours.append(time_call(lambda: estimate_foreground(image, alpha)).median_s)  # noqa: B023
    return make_row(
        way,
        f"{len(pairs)} photographs",
        pairs[0][0].shape[:2],
        {"foreground_s": float(np.mean(to_colours))},
        median_s=float(np.mean([timing.median_s for timing in to_alpha])),
        iqr_s=float(np.mean([timing.iqr_s for timing in to_alpha])),
    )
