"""A patch discriminator, for adversarial training on composites of photographs."""

from itertools import pairwise

import torch
from torch import nn

__all__ = ["PatchDiscriminator"]

WIDTHS = (64, 128, 256, 512)


class PatchDiscriminator(nn.Module):
    """Convolutions of 4 x 4 pixels, three of them with stride 2; each output value judges a patch of 70 x 70 pixels.

    Shapes
    ------
    image : (B, 3, H, W), RGB in [0, 1], H and W at least 32
    realness : (B, 1, h, w), about H / 8 x W / 8; towards 1 for photographs

    References
    ----------
    .. [1] T.-C. Wang et al. High-resolution image synthesis and semantic manipulation with conditional GANs. CVPR
       2018. One of its scales, as Background matting uses it (S. Sengupta et al., CVPR 2020).
    """

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for k, (n_in, n_out) in enumerate(pairwise([3, *WIDTHS])):
            layers += [
                nn.Conv2d(n_in, n_out, 4, stride=2 if k < 3 else 1, padding=2),
                nn.InstanceNorm2d(n_out) if k else nn.Identity(),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(WIDTHS[-1], 1, 4, padding=2))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the realness of the patches."""
        return self.layers(2 * image - 1)
