"""Training without alpha labels: from images and trimaps."""

from __future__ import annotations

import torch

from hybridmatte.losses import known_loss
from hybridmatte.losses.alpha_free import PRIORS
from hybridmatte.training.config import AlphaFreeConfig
from hybridmatte.training.module import Batch, MattingModule, Terms

__all__ = ["AlphaFreeMatting"]


class AlphaFreeMatting(MattingModule[AlphaFreeConfig]):
    """Learn from images and trimaps: ``known_loss + prior_weight * prior``.

    Parameters
    ----------
    network : MattingNetwork
        With or without trimap input.
    config : AlphaFreeConfig

    References
    ----------
    .. [1] Training Matting Models without Alpha Labels, 2024. Eq. 10.
    """

    parts = ("image", "trimap")

    def loss_terms(self, alpha: torch.Tensor, batch: Batch) -> Terms:
        """Return the known loss and the weighted prior."""
        config, terms = self.config, {"known": known_loss(alpha, batch["trimap"])}
        if config.prior != "none":
            prior = PRIORS[config.prior](alpha, batch["image"], window_size=config.window_size, padding=config.padding)
            terms[config.prior] = config.prior_weight * prior
        return terms
