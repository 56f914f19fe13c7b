"""Scores of a whole data set, as the papers' tables have them."""

import torch
from torchmetrics import Metric

from hybridmatte import metrics

__all__ = ["COLUMNS", "MattingScores"]

COLUMNS = ("sad", "mad", "mse", "gradient_error", "connectivity_error", "sad_t", "mse_t")


class MattingScores(Metric):
    """Means over images of SAD, MAD, MSE, Grad and Conn over the whole image, SAD-T and MSE-T over the unknown region.

    Each formula is that of `hybridmatte.metrics`; SAD, Grad and Conn are not divided by 1000 here.
    """

    full_state_update = False

    def __init__(self):
        super().__init__()
        self.add_state("sums", torch.zeros(len(COLUMNS), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("counts", torch.zeros(len(COLUMNS), dtype=torch.float64), dist_reduce_fx="sum")

    def update(self, alpha, target, trimap=None):
        """Add one image: (H, W) arrays. Without trimap SAD-T and MSE-T have no part of it."""
        values = [getattr(metrics, name)(alpha, target, region="whole") for name in COLUMNS[:5]]
        if trimap is not None:
            values += [metrics.sad(alpha, target, trimap), metrics.mse(alpha, target, trimap)]
        n = len(values)
        self.sums[:n] += torch.tensor(values, dtype=torch.float64, device=self.sums.device)
        self.counts[:n] += 1

    def compute(self):
        """Return ``{name: mean}``, of what was added at least once."""
        means = self.sums / self.counts.clamp(min=1)
        return {name: float(mean) for name, mean, count in zip(COLUMNS, means, self.counts, strict=True) if count}
