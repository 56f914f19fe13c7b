"""Atrous spatial pyramid pooling: convolutions of several dilations and the mean over the image, concatenated."""

from collections.abc import Sequence
from typing import cast

import torch
from torch import nn
from torch.nn.functional import conv2d

__all__ = ["AtrousPyramid", "convolution", "convolve_joined"]


class AtrousPyramid(nn.Module):
    """Atrous spatial pyramid pooling.

    Parameters
    ----------
    n_in, n_out : int
        Channels of the input and of the output.
    rates : sequence of int
        Dilations of the 3 x 3 convolutions; 1 stands for a 1 x 1 convolution.

    Shapes
    ------
    x : (B, n_in, h, w)
    features : (B, n_out, h, w)

    References
    ----------
    .. [1] L.-C. Chen, G. Papandreou, F. Schroff, H. Adam. Rethinking atrous convolution. 2017.
    """

    def __init__(self, n_in: int, n_out: int, rates: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(convolution(n_in, n_out, 1 if rate == 1 else 3, rate) for rate in rates)
        self.whole = nn.Sequential(nn.Conv2d(n_in, n_out, 1), nn.ReLU(inplace=True))
        self.join = convolution((len(rates) + 1) * n_out, n_out, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return features of the same height and width."""
        near = torch.cat([branch(x) for branch in self.branches], dim=1)
        convolve, norm, activate = _layers_of(self.join)
        weight, whole_weight = _split_weight(convolve, near.shape[1])
        # a subtraction: OpenCV's ONNX reader does not broadcast the 1 x 1 planes of an addition
        whole = conv2d(self.whole(x.mean(dim=(2, 3), keepdim=True)), -whole_weight)
        return activate(norm(conv2d(near, weight) - whole))


def convolve_joined(layers: nn.Sequential, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return convolution, norm and activation of two inputs concatenated by channel, without concatenating them.

    The convolution of concatenated inputs is the sum of the convolutions of each. This avoids a copy, which takes a
    tenth or more of a U-Net's time. layers is the result of `convolution`, without dilation and bias.
    """
    convolve, norm, activate = _layers_of(layers)
    weights = _split_weight(convolve, first.shape[1])
    padding = convolve.kernel_size[0] // 2
    x, y = (conv2d(part, weight, padding=padding) for part, weight in zip((first, second), weights, strict=True))
    return activate(norm(x + y))


def _layers_of(layers: nn.Sequential) -> tuple[nn.Conv2d, nn.Module, nn.Module]:
    """Return the three layers that `convolution` makes."""
    convolve, norm, activate = layers
    return cast(nn.Conv2d, convolve), norm, activate


def _split_weight(convolve: nn.Conv2d, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a convolution's weight of the first `count` input channels, and of the others."""
    return convolve.weight[:, :count], convolve.weight[:, count:]


def convolution(n_in: int, n_out: int, size: int = 3, dilation: int = 1, bias: bool = False) -> nn.Sequential:
    """Return a convolution, batch norm and ReLU that keep height and width."""
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, size, padding=dilation * (size // 2), dilation=dilation, bias=bias),
        nn.BatchNorm2d(n_out),
        nn.ReLU(inplace=True),
    )
