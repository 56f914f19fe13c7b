"""Training of Net-M: L1 and the hardest pixels, of coarse and refined alpha."""

from hybridmatte._validation_torch import split_planes
from hybridmatte.losses import hard_mining_loss, l1_loss
from hybridmatte.training.module import MattingModule

__all__ = ["NonlocalMatting", "regression_terms"]


class NonlocalMatting(MattingModule):
    """Learn from composites by L1 and hard mining over the unknown region, of each alpha that the network gives.

    Parameters
    ----------
    network : MattingNetwork
        E.g. `hybridmatte.networks.net_m`, whose coarse and refined alpha are both charged.
    config : TrainingConfig
        Of which `hard_percent` is the share of pixels that are mined, 0 for none.

    References
    ----------
    .. [1] Y. Zhou, L. Zhou, T. L. Lam, Y. Xu. Semantic-guided automatic natural image matting with light-weight
       non-local attention. Section 3.2.1.
    """

    parts = ("image", "trimap", "alpha")

    def loss_terms(self, alpha, batch):
        """Return the two terms."""
        return regression_terms(alpha, batch["alpha"], split_planes(batch["trimap"])[2], self.config.hard_percent)


def regression_terms(alpha, target, region, hard_percent):
    """Return L1 over a region, or over all for None, and that of its hardest pixels, if their share is not 0."""
    terms = {"alpha": l1_loss(alpha, target, region=region)}
    if hard_percent:
        terms["hard"] = hard_mining_loss(alpha, target, percent=hard_percent, region=region)
    return terms
