"""Scores of a whole data set, as the papers' tables have them."""

import math

import torch
from torchmetrics import Metric

from hybridmatte import metrics
from hybridmatte.networks import JointInference, TrimapNetwork, predict_alpha
from hybridmatte.networks.joint_inference import predict_trimap

__all__ = ["COLUMNS", "MattingScores", "MeanScores", "TrimapScores", "predict_sample", "score_alpha", "score_network"]

COLUMNS = ("sad", "mad", "mse", "gradient_error", "connectivity_error", "sad_t", "mse_t")
TRIMAP_COLUMNS = ("accuracy", "iou_background", "iou_unknown", "iou_foreground", "iou")


def predict_sample(network, sample, *, max_pixels=1 << 20):
    """Return a network's alpha of a `Sample`, whose trimap it sees only if it takes one; see `predict_alpha`."""
    return predict_alpha(network, sample.image, sample.trimap if network.takes_trimap else None, max_pixels=max_pixels)


def score_alpha(alpha, target, trimap=None):
    """Return ``{column: error}`` of one image: the first five over the whole, SAD-T and MSE-T over the unknown region.

    alpha, target and trimap are (H, W) arrays; without trimap the last two are left out. Each formula is that of
    `hybridmatte.metrics`: SAD, Grad and Conn are not divided by 1000 here.
    """
    errors = {name: float(getattr(metrics, name)(alpha, target, region="whole")) for name in COLUMNS[:5]}
    if trimap is not None:
        errors |= {"sad_t": metrics.sad(alpha, target, trimap), "mse_t": metrics.mse(alpha, target, trimap)}
    return errors


def score_network(network, samples, *, max_pixels=1 << 20):
    """Yield ``(name, errors)`` of each sample, see `score_alpha`.

    Parameters
    ----------
    network : MattingNetwork
    samples : sequence of Sample
        With image and alpha; trimaps are shown to networks that take them, and give SAD-T and MSE-T. For a network that
        takes a mask also with mask, and for a `TrimapNetwork` with the true trimap: see `hybridmatte.data.TrimapTasks`.
    max_pixels : int
        See `hybridmatte.networks.predict_alpha`.

    Yields
    ------
    name : str
    errors : dict
        Of a `TrimapNetwork` what `hybridmatte.trimap_scores` gives.
    """
    for index in range(len(samples)):
        sample = samples[index]
        if isinstance(network, TrimapNetwork):
            yield sample.name, metrics.trimap_scores(predict_trimap(network, sample.image, sample.mask), sample.trimap)
        elif isinstance(network, JointInference):
            alpha, _ = network.predict(sample.image, sample.mask, max_pixels=max_pixels)
            yield sample.name, score_alpha(alpha, sample.alpha, sample.trimap)
        else:
            alpha = predict_sample(network, sample, max_pixels=max_pixels)
            yield sample.name, score_alpha(alpha, sample.alpha, sample.trimap)


class MeanScores(Metric):
    """Means over images of named numbers, accumulated over batches and processes; NaN does not count.

    Parameters
    ----------
    names : sequence of str
        Such as `COLUMNS`.
    """

    full_state_update = False

    def __init__(self, names):
        super().__init__()
        self.names = tuple(names)
        self.add_state("sums", torch.zeros(len(self.names), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("counts", torch.zeros(len(self.names), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, scores):
        """Add ``{name: number}`` of one image; names may lack."""
        for index, name in enumerate(self.names):
            value = scores.get(name, math.nan)
            if not math.isnan(value):
                self.sums[index] += value
                self.counts[index] += 1

    def compute(self):
        """Return ``{name: mean}``, of what was added at least once."""
        means = self.sums / self.counts.clamp(min=1)
        return {name: float(mean) for name, mean, count in zip(self.names, means, self.counts, strict=True) if count}


class MattingScores(MeanScores):
    """Means over images of what `score_alpha` gives."""

    def __init__(self):
        super().__init__(COLUMNS)

    def update(self, alpha, target, trimap=None):
        """Add one image: (H, W) arrays."""
        super().update(score_alpha(alpha, target, trimap))


class TrimapScores(MeanScores):
    """Means over images of what `hybridmatte.trimap_scores` gives."""

    def __init__(self):
        super().__init__(TRIMAP_COLUMNS)

    def update(self, trimap, target):
        """Add one trimap and the true one, (H, W) arrays."""
        super().update(metrics.trimap_scores(trimap, target))
