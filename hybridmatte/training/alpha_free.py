"""Training without alpha labels."""

from hybridmatte.losses import known_loss
from hybridmatte.losses.alpha_free import PRIORS
from hybridmatte.training.module import MattingModule

__all__ = ["AlphaFreeMatting"]


class AlphaFreeMatting(MattingModule):
    """Learn from images and trimaps alone: ``known_loss + prior_weight * prior``.

    Parameters
    ----------
    network : MattingNetwork
        With trimap input or without.
    config : TrainingConfig
        Of which prior, prior_weight and window_size say what the unknown region is charged.

    References
    ----------
    .. [1] Training Matting Models without Alpha Labels, 2024. Eq. 10.
    """

    parts = ("image", "trimap")

    def loss_terms(self, alpha, batch):
        """Return the known loss and the weighted prior."""
        config, terms = self.config, {"known": known_loss(alpha, batch["trimap"])}
        if config.prior != "none":
            prior = PRIORS[config.prior](alpha, batch["image"], window_size=config.window_size)
            terms[config.prior] = config.prior_weight * prior
        return terms
