"""Every loss as a module: the options are given at construction, the tensors at the call."""

from typing import Any, Literal

import torch
from torch import nn

from hybridmatte.losses._similar import Similarity
from hybridmatte.losses.affinity import affinity_loss
from hybridmatte.losses.alpha_free import alpha_free_loss
from hybridmatte.losses.gradient import gradient_loss, gradient_penalty_loss
from hybridmatte.losses.known import known_loss
from hybridmatte.losses.matting_laplacian import matting_laplacian_loss
from hybridmatte.losses.pairs import dc_loss, ddc_hinge_loss, ddc_loss
from hybridmatte.losses.pyramid import laplacian_pyramid_loss
from hybridmatte.losses.supervised import composition_loss, hard_mining_loss, l1_loss, l2_loss
from hybridmatte.similarity.window import Padding

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
]


class _LossModule(nn.Module):
    """A loss function with its options fixed, by name in `options`."""

    def __init__(self, **options: Any) -> None:
        super().__init__()
        self.options = options

    def extra_repr(self) -> str:
        """Return the options for printing."""
        return ", ".join(f"{name}={value!r}" for name, value in self.options.items())


class AffinityLoss(_LossModule):
    """Penalise pixels whose alpha is not the weighted mean of the alphas of similar pixels.

    Module form of `affinity_loss`, with the same options and inputs.

    Shapes
    ------
    alpha : (B, 1, H, W), in [0, 1]
    image : (B, 3, H, W), RGB in [0, 1]
    similarity : `WindowTopK` of tensors (B, H, W, K), optional
    loss : scalar, of alpha's dtype
    """

    def __init__(self, *, window_size: int = 11, padding: Padding = "cut") -> None:
        super().__init__(window_size=window_size, padding=padding)

    def forward(
        self, alpha: torch.Tensor, image: torch.Tensor, *, similarity: Similarity | None = None
    ) -> torch.Tensor:
        """Return the loss of a batch; see `affinity_loss`."""
        return affinity_loss(alpha, image, similarity=similarity, **self.options)


class AlphaFreeLoss(_LossModule):
    """Train on trimaps without alpha labels: known loss plus weighted prior.

    Module form of `alpha_free_loss`, with the same options and inputs.

    Shapes
    ------
    alpha : (B, 1, H, W), in [0, 1]
    image : (B, 3, H, W), RGB in [0, 1]
    trimap : (B, 1, H, W), background at most 0.1, foreground at least 0.9
    similarity : `WindowTopK` of tensors (B, H, W, K), optional
    loss : scalar, of alpha's dtype
    """

    def __init__(
        self,
        *,
        weight: float = 10.0,
        prior: Literal["ddc", "hinge", "dc", "affinity"] = "ddc",
        window_size: int = 11,
        padding: Padding = "cut",
    ) -> None:
        super().__init__(weight=weight, prior=prior, window_size=window_size, padding=padding)

    def forward(
        self, alpha: torch.Tensor, image: torch.Tensor, trimap: torch.Tensor, *, similarity: Similarity | None = None
    ) -> torch.Tensor:
        """Return the loss of a batch; see `alpha_free_loss`."""
        return alpha_free_loss(alpha, image, trimap, similarity=similarity, **self.options)


class CompositionLoss(_LossModule):
    """Penalise the difference between the image and the composite of its true colour layers by alpha.

    Module form of `composition_loss`, with the same options and inputs.

    Shapes
    ------
    alpha : (B, 1, H, W), in [0, 1]
    image, foreground, background : (B, 3, H, W), RGB in [0, 1]
    region : (B, 1, H, W), boolean or above 0.5 where a pixel counts, optional
    loss : scalar, of alpha's dtype
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(
        self,
        alpha: torch.Tensor,
        image: torch.Tensor,
        foreground: torch.Tensor,
        background: torch.Tensor,
        *,
        region: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the loss of a batch; see `composition_loss`."""
        return composition_loss(alpha, image, foreground, background, region=region)


class DCLoss(_LossModule):
    """Penalise similar pixels whose alphas do not differ by their colour distance.

    Module form of `dc_loss`, with the same options and inputs.

    Shapes
    ------
    alpha : (B, 1, H, W), in [0, 1]
    image : (B, 3, H, W), RGB in [0, 1]
    similarity : `WindowTopK` of tensors (B, H, W, K), optional
    loss : scalar, of alpha's dtype
    """

    def __init__(self, *, window_size: int = 11, padding: Padding = "cut") -> None:
        super().__init__(window_size=window_size, padding=padding)

    def forward(
        self, alpha: torch.Tensor, image: torch.Tensor, *, similarity: Similarity | None = None
    ) -> torch.Tensor:
        """Return the loss of a batch; see `dc_loss`."""
        return dc_loss(alpha, image, similarity=similarity, **self.options)


class DDCHingeLoss(_LossModule):
    """Penalise alpha differences that exceed the colour distance.

    Module form of `ddc_hinge_loss`, with the same options and inputs.

    Shapes
    ------
    alpha : (B, 1, H, W), in [0, 1]
    image : (B, 3, H, W), RGB in [0, 1]
    similarity : `WindowTopK` of tensors (B, H, W, K), optional
    loss : scalar, of alpha's dtype
    """

    def __init__(self, *, window_size: int = 11, padding: Padding = "cut") -> None:
        super().__init__(window_size=window_size, padding=padding)

    def forward(
        self, alpha: torch.Tensor, image: torch.Tensor, *, similarity: Similarity | None = None
    ) -> torch.Tensor:
        """Return the loss of a batch; see `ddc_hinge_loss`."""
        return ddc_hinge_loss(alpha, image, similarity=similarity, **self.options)


class DDCLoss(_LossModule):
    """Penalise similar pixels whose alphas differ by more than their colours.

    Module form of `ddc_loss`, with the same options and inputs.

    Shapes
    ------
    alpha : (B, 1, H, W), in [0, 1]
    image : (B, 3, H, W), RGB in [0, 1]
    similarity : `WindowTopK` of tensors (B, H, W, K), optional
    loss : scalar, of alpha's dtype
    """

    def __init__(self, *, window_size: int = 11, symmetric: bool = False, padding: Padding = "cut") -> None:
        super().__init__(window_size=window_size, symmetric=symmetric, padding=padding)

    def forward(
        self, alpha: torch.Tensor, image: torch.Tensor, *, similarity: Similarity | None = None
    ) -> torch.Tensor:
        """Return the loss of a batch; see `ddc_loss`."""
        return ddc_loss(alpha, image, similarity=similarity, **self.options)


class GradientLoss(_LossModule):
    """Penalise differences of the Sobel gradients of alpha and target.

    Module form of `gradient_loss`, with the same options and inputs.

    Shapes
    ------
    alpha : (B, 1, H, W), in [0, 1]
    target : (B, 1, H, W), in [0, 1]
    region : (B, 1, H, W), boolean or above 0.5 where a pixel counts, optional
    loss : scalar, of alpha's dtype
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, alpha: torch.Tensor, target: torch.Tensor, *, region: torch.Tensor | None = None) -> torch.Tensor:
        """Return the loss of a batch; see `gradient_loss`."""
        return gradient_loss(alpha, target, region=region)


class GradientPenaltyLoss(_LossModule):
    """Penalise differences of the forward differences of alpha and target, and those of alpha.

    Module form of `gradient_penalty_loss`, with the same options and inputs.

    Shapes
    ------
    alpha : (B, 1, H, W), in [0, 1]
    target : (B, 1, H, W), in [0, 1]
    region : (B, 1, H, W), boolean or above 0.5 where a pixel counts, optional
    loss : scalar, of alpha's dtype
    """

    def __init__(self, *, weight: float = 0.01) -> None:
        super().__init__(weight=weight)

    def forward(self, alpha: torch.Tensor, target: torch.Tensor, *, region: torch.Tensor | None = None) -> torch.Tensor:
        """Return the loss of a batch; see `gradient_penalty_loss`."""
        return gradient_penalty_loss(alpha, target, region=region, **self.options)


class HardMiningLoss(_LossModule):
    """Penalise the largest errors: mean absolute difference over a percentage of the region's pixels.

    Module form of `hard_mining_loss`, with the same options and inputs.

    Shapes
    ------
    alpha : (B, 1, H, W), in [0, 1]
    target : (B, 1, H, W), in [0, 1]
    region : (B, 1, H, W), boolean or above 0.5 where a pixel counts, optional
    loss : scalar, of alpha's dtype
    """

    def __init__(self, *, percent: float = 50.0) -> None:
        super().__init__(percent=percent)

    def forward(self, alpha: torch.Tensor, target: torch.Tensor, *, region: torch.Tensor | None = None) -> torch.Tensor:
        """Return the loss of a batch; see `hard_mining_loss`."""
        return hard_mining_loss(alpha, target, region=region, **self.options)


class KnownLoss(_LossModule):
    """Penalise the difference from the trimap on its known pixels.

    Module form of `known_loss`, with the same options and inputs.

    Shapes
    ------
    alpha : (B, 1, H, W), in [0, 1]
    trimap : (B, 1, H, W), background at most 0.1, foreground at least 0.9
    loss : scalar, of alpha's dtype
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, alpha: torch.Tensor, trimap: torch.Tensor) -> torch.Tensor:
        """Return the loss of a batch; see `known_loss`."""
        return known_loss(alpha, trimap)


class L1Loss(_LossModule):
    """Penalise the absolute difference from a true alpha.

    Module form of `l1_loss`, with the same options and inputs.

    Shapes
    ------
    alpha : (B, 1, H, W), in [0, 1]
    target : (B, 1, H, W), in [0, 1]
    region : (B, 1, H, W), boolean or above 0.5 where a pixel counts, optional
    loss : scalar, of alpha's dtype
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, alpha: torch.Tensor, target: torch.Tensor, *, region: torch.Tensor | None = None) -> torch.Tensor:
        """Return the loss of a batch; see `l1_loss`."""
        return l1_loss(alpha, target, region=region)


class L2Loss(_LossModule):
    """Penalise the squared difference from a true alpha.

    Module form of `l2_loss`, with the same options and inputs.

    Shapes
    ------
    alpha : (B, 1, H, W), in [0, 1]
    target : (B, 1, H, W), in [0, 1]
    region : (B, 1, H, W), boolean or above 0.5 where a pixel counts, optional
    loss : scalar, of alpha's dtype
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, alpha: torch.Tensor, target: torch.Tensor, *, region: torch.Tensor | None = None) -> torch.Tensor:
        """Return the loss of a batch; see `l2_loss`."""
        return l2_loss(alpha, target, region=region)


class LaplacianPyramidLoss(_LossModule):
    """Penalise differences of the Laplacian pyramids of alpha and target.

    Module form of `laplacian_pyramid_loss`, with the same options and inputs.

    Shapes
    ------
    alpha : (B, 1, H, W), in [0, 1]
    target : (B, 1, H, W), in [0, 1]
    region : (B, 1, H, W), boolean or above 0.5 where a pixel counts, optional
    loss : scalar, of alpha's dtype
    """

    def __init__(self, *, levels: int = 5) -> None:
        super().__init__(levels=levels)

    def forward(self, alpha: torch.Tensor, target: torch.Tensor, *, region: torch.Tensor | None = None) -> torch.Tensor:
        """Return the loss of a batch; see `laplacian_pyramid_loss`."""
        return laplacian_pyramid_loss(alpha, target, region=region, **self.options)


class MattingLaplacianLoss(_LossModule):
    """Penalise alpha that is not affine in colour within 3 x 3 windows.

    Module form of `matting_laplacian_loss`, with the same options and inputs.

    Shapes
    ------
    alpha : (B, 1, H, W), in [0, 1]
    image : (B, 3, H, W), RGB in [0, 1]
    loss : scalar, of alpha's dtype
    """

    def __init__(self, *, epsilon: float = 1e-7) -> None:
        super().__init__(epsilon=epsilon)

    def forward(self, alpha: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Return the loss of a batch; see `matting_laplacian_loss`."""
        return matting_laplacian_loss(alpha, image, **self.options)
