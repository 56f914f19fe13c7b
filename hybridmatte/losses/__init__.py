"""The matting priors and the supervised losses, differentiable in alpha.

Each is a function and a module. Alpha (B, 1, H, W) is the first input, and the loss is a scalar tensor.

Needs torch: ``pip install hybridmatte[deep]``.
"""

from hybridmatte.errors import require_extra

require_extra("deep", "torch")

from hybridmatte.losses.affinity import affinity_loss
from hybridmatte.losses.alpha_free import alpha_free_loss
from hybridmatte.losses.gradient import gradient_loss, gradient_penalty_loss
from hybridmatte.losses.known import known_loss
from hybridmatte.losses.matting_laplacian import matting_laplacian_loss
from hybridmatte.losses.modules import (
    AffinityLoss,
    AlphaFreeLoss,
    CompositionLoss,
    DCLoss,
    DDCHingeLoss,
    DDCLoss,
    GradientLoss,
    GradientPenaltyLoss,
    HardMiningLoss,
    KnownLoss,
    L1Loss,
    L2Loss,
    LaplacianPyramidLoss,
    MattingLaplacianLoss,
)
from hybridmatte.losses.pairs import dc_loss, ddc_hinge_loss, ddc_loss
from hybridmatte.losses.pyramid import laplacian_pyramid_loss
from hybridmatte.losses.supervised import composition_loss, hard_mining_loss, l1_loss, l2_loss

__all__ = [
    "AffinityLoss",
    "AlphaFreeLoss",
    "CompositionLoss",
    "DCLoss",
    "DDCHingeLoss",
    "DDCLoss",
    "GradientLoss",
    "GradientPenaltyLoss",
    "HardMiningLoss",
    "KnownLoss",
    "L1Loss",
    "L2Loss",
    "LaplacianPyramidLoss",
    "MattingLaplacianLoss",
    "affinity_loss",
    "alpha_free_loss",
    "composition_loss",
    "dc_loss",
    "ddc_hinge_loss",
    "ddc_loss",
    "gradient_loss",
    "gradient_penalty_loss",
    "hard_mining_loss",
    "known_loss",
    "l1_loss",
    "l2_loss",
    "laplacian_pyramid_loss",
    "matting_laplacian_loss",
]
