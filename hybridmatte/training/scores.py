"""Scores of networks over whole data sets, as in the tables of the papers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torchmetrics import Metric

from hybridmatte import metrics
from hybridmatte.data import Sample
from hybridmatte.networks.joint_inference import JointInference, predict_trimap
from hybridmatte.networks.network import MattingNetwork
from hybridmatte.networks.prediction import predict_alpha
from hybridmatte.networks.trimap_network import TrimapNetwork

__all__ = [
    "AnyNetwork",
    "MattingScores",
    "MeanScores",
    "TrimapScores",
    "predict_sample",
    "score_alpha",
    "score_network",
]

AnyNetwork: TypeAlias = MattingNetwork | TrimapNetwork | JointInference
Plane: TypeAlias = npt.NDArray[np.float32]  # (H, W)

WHOLE_IMAGE_METRICS = {
    "sad": metrics.sad,
    "mad": metrics.mad,
    "mse": metrics.mse,
    "gradient_error": metrics.gradient_error,
    "connectivity_error": metrics.connectivity_error,
}
BOUNDARY_METRICS = {"mse_boundary": metrics.mse}
UNKNOWN_REGION_METRICS = {"sad_t": metrics.sad, "mse_t": metrics.mse}
TRIMAP_METRICS = ("accuracy", "iou_background", "iou_unknown", "iou_foreground", "iou")  # of trimap_scores


def predict_sample(
    network: MattingNetwork, sample: Sample, *, max_pixels: int = 1 << 20, side: int | None = None
) -> Plane:
    """Return a network's alpha of a `Sample`, (H, W). The network gets the trimap only if it takes one.

    For max_pixels and side see `hybridmatte.networks.predict_alpha`.
    """
    trimap = sample.trimap if network.takes_trimap else None
    return predict_alpha(network, sample.require("image"), trimap, max_pixels=max_pixels, side=side)


def score_alpha(alpha: Plane, target: Plane, trimap: Plane | None = None) -> dict[str, float]:
    """Return the errors of one alpha by name.

    "sad", "mad", "mse", "gradient_error" and "connectivity_error" are over the whole image, by the functions of that
    name in `hybridmatte`. With a trimap, "sad_t" and "mse_t" are over its unknown region. "mse_boundary" is over the
    pixels whose true alpha is above 0.05 and below 0.95, NaN if there are none. Nothing is divided by 1000. alpha,
    target and trimap are (H, W) arrays.
    """
    errors = {name: float(metric(alpha, target, region="whole")) for name, metric in WHOLE_IMAGE_METRICS.items()}
    if trimap is not None:
        errors |= {name: metric(alpha, target, trimap) for name, metric in UNKNOWN_REGION_METRICS.items()}
    low, high = metrics.BOUNDARY
    has_boundary = bool(((target > low) & (target < high)).any())
    for name, metric in BOUNDARY_METRICS.items():
        errors[name] = metric(alpha, target, region="boundary") if has_boundary else math.nan
    return errors


def score_network(
    network: AnyNetwork, samples: Sequence[Sample], *, max_pixels: int = 1 << 20, side: int | None = None
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield name and errors of each sample.

    Parameters
    ----------
    network : MattingNetwork, JointInference or TrimapNetwork
    samples : sequence of Sample
        With image and alpha, and trimap if the network takes one. Trimaps also give "sad_t" and "mse_t". A
        `JointInference` needs the mask as well. A `TrimapNetwork` needs image, mask and true trimap: see
        `hybridmatte.data.TrimapTasks`.
    max_pixels, side : int
        See `hybridmatte.networks.predict_alpha`.

    Yields
    ------
    name : str
    errors : dict
        See `score_alpha`; for a `TrimapNetwork` see `hybridmatte.trimap_scores`.
    """
    for index in range(len(samples)):
        sample = samples[index]
        if isinstance(network, TrimapNetwork):
            trimap = predict_trimap(network, sample.require("image"), sample.require("mask"))
            yield sample.name, metrics.trimap_scores(trimap, sample.require("trimap"))
            continue
        if isinstance(network, JointInference):
            alpha, _ = network.predict(sample.require("image"), sample.require("mask"), max_pixels=max_pixels)
        else:
            alpha = predict_sample(network, sample, max_pixels=max_pixels, side=side)
        yield sample.name, score_alpha(alpha, sample.require("alpha"), sample.trimap)


class MeanScores(Metric):
    """Means over images of named numbers, over all batches and processes. NaN is left out of the mean.

    Parameters
    ----------
    names : sequence of str
    """

    full_state_update = False
    sums: torch.Tensor
    counts: torch.Tensor

    def __init__(self, names: Sequence[str]):
        super().__init__()
        self.names = tuple(names)
        self.add_state("sums", torch.zeros(len(self.names), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("counts", torch.zeros(len(self.names), dtype=torch.float64), dist_reduce_fx="sum")

    def add(self, scores: Mapping[str, float]) -> None:
        """Add the numbers of one image by name. Names may be missing."""
        for index, name in enumerate(self.names):
            value = scores.get(name, math.nan)
            if not math.isnan(value):
                self.sums[index] += value
                self.counts[index] += 1

    def update(self, scores: Mapping[str, float]) -> None:
        """Add the numbers of one image by name. Names may be missing."""
        self.add(scores)

    def compute(self) -> dict[str, float]:
        """Return the mean by name, of each name that was added at least once."""
        means = self.sums / self.counts.clamp(min=1)
        return {name: float(mean) for name, mean, count in zip(self.names, means, self.counts, strict=True) if count}


class MattingScores(MeanScores):
    """Means over images of the errors of `score_alpha`."""

    def __init__(self):
        super().__init__((*WHOLE_IMAGE_METRICS, *UNKNOWN_REGION_METRICS, *BOUNDARY_METRICS))

    def update(self, alpha: Plane, target: Plane, trimap: Plane | None = None) -> None:  # pyright: ignore
        """Add one image: (H, W) arrays."""
        self.add(score_alpha(alpha, target, trimap))


class TrimapScores(MeanScores):
    """Means over images of the scores of `hybridmatte.trimap_scores`."""

    def __init__(self):
        super().__init__(TRIMAP_METRICS)

    def update(self, trimap: Plane, target: Plane) -> None:  # pyright: ignore
        """Add one trimap and the true one, (H, W) arrays."""
        self.add(metrics.trimap_scores(trimap, target))
