"""Training of Net-M: L1 loss, and L1 loss of the hardest pixels, of each alpha that the network predicts."""

from __future__ import annotations

import torch

from hybridmatte._validation_torch import split_planes
from hybridmatte.losses import hard_mining_loss, l1_loss
from hybridmatte.training.config import NonlocalConfig
from hybridmatte.training.module import Batch, MattingModule, Terms

__all__ = ["NonlocalMatting", "regression_terms"]


class NonlocalMatting(MattingModule[NonlocalConfig]):
    """Learn from images, trimaps and alphas by L1 and hard mining over the unknown region.

    Parameters
    ----------
    network : MattingNetwork
        E.g. `hybridmatte.networks.net_m`. The loss counts both its coarse and its refined alpha.
    config : NonlocalConfig

    References
    ----------
    .. [1] Y. Zhou, L. Zhou, T. L. Lam, Y. Xu. Semantic-guided automatic natural image matting with light-weight
       non-local attention. Section 3.2.1.
    """

    parts = ("image", "trimap", "alpha")

    def loss_terms(self, alpha: torch.Tensor, batch: Batch) -> Terms:
        """Return the two terms."""
        return regression_terms(alpha, batch["alpha"], split_planes(batch["trimap"])[2], self.config.hard_percent)


def regression_terms(
    alpha: torch.Tensor, target: torch.Tensor, region: torch.Tensor | None, hard_percent: float
) -> Terms:
    """Return the L1 loss over a region, and over its hardest pixels unless `hard_percent` is 0.

    alpha, target and region are (B, 1, H, W); without a region the losses are over the whole crops.
    """
    terms = {"alpha": l1_loss(alpha, target, region=region)}
    if hard_percent:
        terms["hard"] = hard_mining_loss(alpha, target, percent=hard_percent, region=region)
    return terms
