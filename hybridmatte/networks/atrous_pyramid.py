"""Atrous spatial pyramid pooling: features seen at several distances and as a whole, joined."""

import torch
from torch import nn

__all__ = ["AtrousPyramid", "convolution"]


class AtrousPyramid(nn.Module):
    """Convolutions of several dilations and the mean of the whole, joined.

    Parameters
    ----------
    n_in, n_out : int
        Channels.
    rates : sequence of int
        Dilations of 3 x 3 convolutions; 1 is one of 1 x 1.

    References
    ----------
    .. [1] L.-C. Chen, G. Papandreou, F. Schroff, H. Adam. Rethinking atrous convolution. 2017.
    """

    def __init__(self, n_in, n_out, rates):
        super().__init__()
        self.branches = nn.ModuleList(convolution(n_in, n_out, 1 if rate == 1 else 3, rate) for rate in rates)
        self.whole = nn.Sequential(nn.Conv2d(n_in, n_out, 1), nn.ReLU(inplace=True))
        self.join = convolution((len(rates) + 1) * n_out, n_out, 1)

    def forward(self, x):
        """Return the joined features, of the same height and width."""
        whole = self.whole(x.mean(dim=(2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:])
        return self.join(torch.cat([*(branch(x) for branch in self.branches), whole], dim=1))


def convolution(n_in, n_out, size=3, dilation=1, bias=False):
    """Return convolution, norm and activation, that keep height and width."""
    return nn.Sequential(nn.Conv2d(n_in, n_out, size, padding=dilation * (size // 2), dilation=dilation, bias=bias),
                         nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))
