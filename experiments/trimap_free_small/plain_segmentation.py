"""The peer of Net-T: the same encoder and pyramid; classes are predicted at 1/16 of the size and enlarged."""

from torch import nn

from hybridmatte.networks import TrimapNetwork
from hybridmatte.networks.trimap_network import DROPOUTS

__all__ = ["PlainSegmentation"]


class PlainSegmentation(TrimapNetwork):
    """DeepLab v3 adapted to three classes: Net-T without its decoder.

    Made with the same seed it starts from the same encoder as Net-T, and it has the same dropout.
    """

    def __init__(self):
        super().__init__(size="tiny")
        width = self.head.in_channels
        self.join, self.low, self.middle = nn.Identity(), nn.Identity(), nn.Identity()
        self.wide = nn.Sequential(
            nn.Dropout(DROPOUTS[1]),
            nn.Conv2d(width, 2 * width, 3, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(inplace=True),
            nn.Dropout(DROPOUTS[2]),
        )
        self.head = nn.Conv2d(2 * width, 3, 1)

    def decode(self, low, middle, high):  # noqa: ARG002
        """Return logits at 1/16."""
        return self.head(self.wide(self.pyramid(high)))
