"""The network that decides, pixel by pixel, which of several solvers' mattes to believe."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn
from torch.nn.functional import interpolate, relu

from hybridmatte._check import check_choice, check_integer, check_number
from hybridmatte.networks.network import model_card, padded_to

__all__ = ["SolverFusion"]

CARD = model_card("""Which of several solvers' mattes to believe, pixel by pixel; see `hybridmatte.matte`.
""")
FINE = 12  # features at full resolution
WIDTHS = (24, 24)  # at 1/2 and 1/4; half a million parameters, down to 1/16, do no better
DISTRUST = -2.0  # of the constants, before anything is learned


class SolverFusion(nn.Module, PyTorchModelHubMixin, library_name="hybridmatte", license="mit",
                   model_card_template=CARD):
    """Small U-Nets whose answer is a mean of candidates, with weights of its own in each pixel.

    The candidates are the first planes of its input, and the constants 0 and 1, so that any alpha can be reached.
    Several members learn alone; their geometric mean, and a share of the candidate that is trusted anyway, are the
    weights.

    Parameters
    ----------
    network : {"fusion"}
        Kept in config.json, to tell the classes of networks apart.
    planes : int
        Of the input, see `hybridmatte.solver_fusion.fusion_planes`.
    candidates : int
        How many of them are mattes.
    trusted : int
        The candidate that is believed before anything is learned, and to a share of `caution` afterwards.
    caution : float
        In [0, 1].
    members : int
    widths : sequence of int
        Features at 1/2, 1/4, ... of the resolution.

    Attributes
    ----------
    stride : int
        Height and width are padded to multiples of it.

    Shapes
    ------
    planes : (B, planes, H, W)
    alpha : (B, 1, H, W)

    References
    ----------
    .. [1] D. Cho, Y.-W. Tai, I. S. Kweon. Natural image matting using deep convolutional neural networks. ECCV 2016.
       The idea of joining closed form and KNN by a network.

    Examples
    --------
    >>> network = SolverFusion(planes=5, candidates=2).eval()
    >>> network(torch.rand(1, 5, 30, 41)).shape
    torch.Size([1, 1, 30, 41])
    """

    def __init__(self, *, network="fusion", planes, candidates, trusted=0, caution=0.25, members=1, widths=WIDTHS):
        super().__init__()
        check_choice(network, "network", ("fusion",))
        self.candidates, self.stride = check_integer(candidates, "candidates", low=1, high=planes), 2 ** len(widths)
        self.trusted = check_integer(trusted, "trusted", low=0, high=candidates - 1)
        self.caution = check_number(caution, "caution", low=0, high=1)
        members = check_integer(members, "members", low=1)
        self.members = nn.ModuleList(_Member(planes, candidates + 2, trusted, widths) for _ in range(members))
        self.to(memory_format=torch.channels_last)

    def forward(self, planes):
        """Return alpha (B, 1, H, W) in [0, 1]."""
        height, width = planes.shape[2:]
        weights = self.weights(padded_to(planes, self.stride))[:, :, :height, :width]
        alpha = (weights[:, :self.candidates] * planes[:, :self.candidates]).sum(dim=1, keepdim=True)
        return (alpha + weights[:, -1:]).clamp(0, 1)  # of the constants, 0 adds nothing

    def weights(self, planes):
        """Return the weights (B, candidates + 2, H, W) of candidates, 0 and 1, of sum 1.

        Height and width are multiples of the stride.
        """
        mean = sum(member(planes) for member in self.members) / len(self.members)
        shares = torch.zeros(1, self.candidates + 2, 1, 1)
        shares[:, self.trusted] = self.caution
        return (1 - self.caution) * torch.softmax(mean.float(), dim=1) + shares.to(planes.device)


class _Member(nn.Module):
    """A U-Net from planes to the logarithms of weights.

    Convolutions begin at half resolution, where most of the time is spent; the weights are of full resolution. Features
    are joined by subtraction, since OpenCV 4.10 takes no sum of planes whose sizes it does not know yet.
    """

    def __init__(self, n_in, n_out, trusted, widths):
        super().__init__()
        first, pairs = widths[0], list(zip(widths[:-1], widths[1:], strict=True))
        self.stem = nn.Sequential(_convolution(n_in, first, 2), _convolution(first, first))
        self.down = nn.ModuleList(nn.Sequential(_convolution(fine, coarse, 2), _convolution(coarse, coarse))
                                  for fine, coarse in pairs)
        self.across = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairs)
        self.up = nn.ModuleList(_convolution(fine, fine) for fine, _ in pairs)
        self.enlarge = nn.ConvTranspose2d(first, FINE, 2, 2)
        self.near = nn.Conv2d(n_in, FINE, 3, padding=1)
        self.norm = nn.BatchNorm2d(FINE)
        self.choose = nn.Conv2d(FINE, n_out, 3, padding=1)
        nn.init.normal_(self.choose.weight, 0, 0.01)
        with torch.no_grad():
            self.choose.bias.zero_()
            self.choose.bias[trusted] = 1
            self.choose.bias[-2:] = DISTRUST

    def forward(self, planes):
        """Return the logarithms of weights (B, n_out, H, W), but for a constant."""
        features = [self.stem(planes)]
        for stage in self.down:
            features.append(stage(features[-1]))
        x = features.pop()
        for skip, across, stage in zip(features[::-1], self.across[::-1], self.up[::-1], strict=True):
            x = stage(skip - across(interpolate(x, scale_factor=2.0, mode="bilinear")))
        x = relu(self.norm(self.near(planes) - self.enlarge(x)))
        return self.choose(x)


def _convolution(n_in, n_out, stride=1):
    """Return convolution, norm and activation."""
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False), nn.BatchNorm2d(n_out),
                         nn.ReLU(inplace=True))
