"""Atrous spatial pyramid pooling: features seen at several distances and as a whole, joined."""

import torch
from torch import nn
from torch.nn.functional import conv2d

__all__ = ["AtrousPyramid", "convolution", "convolve_joined"]


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
        near = torch.cat([branch(x) for branch in self.branches], dim=1)
        convolve, norm, activate = self.join
        weight, whole_weight = _weights_of_parts(convolve, near.shape[1])
        whole = conv2d(self.whole(x.mean(dim=(2, 3), keepdim=True)), -whole_weight)
        return activate(norm(conv2d(near, weight) - whole))  # OpenCV takes what is added for a plane of full size


def convolve_joined(layers, first, second):
    """Return convolution, norm and activation of planes side by side, without putting them there.

    A convolution of joined planes is the sum of one of each, which spares the copy: a tenth or more of a U-Net's time.
    layers are as `convolution` makes them, without bias.
    """
    convolve, norm, activate = layers
    weights = _weights_of_parts(convolve, first.shape[1])
    parts = zip((first, second), weights, strict=True)
    x, y = (conv2d(part, weight, padding=convolve.padding) for part, weight in parts)
    return activate(norm(x + y))


def _weights_of_parts(convolve, count):
    """Return a convolution's weights of its first `count` inputs, and of the others."""
    return convolve.weight[:, :count], convolve.weight[:, count:]


def convolution(n_in, n_out, size=3, dilation=1, bias=False):
    """Return convolution, norm and activation, that keep height and width."""
    return nn.Sequential(nn.Conv2d(n_in, n_out, size, padding=dilation * (size // 2), dilation=dilation, bias=bias),
                         nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))
