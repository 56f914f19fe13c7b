"""The residual encoder and its mirror as decoder that GCA-Matting and Net-M share; spectral norms throughout."""

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from hybridmatte._validation import check_number
from hybridmatte._validation_torch import split_planes
from hybridmatte.networks.network import MattingNetwork, count_planes

__all__ = ["ResidualUNet"]

CHANNELS = (32, 64, 128, 256, 512)  # at 1/2, 1/4, ... 1/32 of the resolution, at width 1; at full resolution the first
DOWN_BLOCKS, UP_BLOCKS = (3, 4, 4, 2), (2, 3, 3, 2)
SLOPE = 0.2  # of the decoder's activations below 0


class ResidualUNet(MattingNetwork):
    """Residual blocks down to 1/32 and up again, joined by sums; a subclass may attend to the features at 1/8.

    Parameters
    ----------
    width : float
        Factor of all channels; none has fewer than 8.
    trimap : {"one-hot", True, False}
    """

    encoder_prefix = ("stem.", "down.")

    def __init__(self, width, trimap):
        super().__init__()
        check_number(width, "width", above=0)
        self.trimap_planes = count_planes(trimap)
        planes = 3 + self.trimap_planes
        self.channels = channels = [max(8, round(width * count)) for count in CHANNELS]
        self.stem = nn.ModuleList([
            nn.Sequential(*activated(planes, channels[0], stride=2), *activated(channels[0], channels[0])),
            nn.Sequential(*activated(channels[0], channels[1], stride=2))])
        entering = [channels[1], *channels[1:]]
        self.down = nn.ModuleList(
            _down_stage(entering[k], entering[k + 1], DOWN_BLOCKS[k], stride=1 + (k > 0)) for k in range(4))
        self.skips = nn.ModuleList(
            nn.Sequential(*rectified(n_in, n_out), *rectified(n_out, n_out))
            for n_in, n_out in zip((planes, *channels[:4]), (channels[0], *channels[:4]), strict=True))
        self.up = nn.ModuleList(
            _up_stage(channels[4 - k], channels[3 - k], count) for k, count in enumerate(UP_BLOCKS))
        self.last = nn.Sequential(_enlarging(channels[0], channels[0]), nn.BatchNorm2d(channels[0]), _leaky())
        self.head = nn.Conv2d(channels[0], 1, 3, padding=1)
        nn.init.xavier_uniform_(self.head.weight)

    def estimate(self, planes):
        """Return alpha of normalised planes."""
        context = self.context(planes)
        *sources, x = self._encode(planes, context)
        skips = [skip(source) for skip, source in zip(self.skips, sources, strict=True)]
        for depth, stage in enumerate(self.up):
            x = stage(x) + skips[-1 - depth]
            if depth == 1:
                x = self.attend_decoder(x, context)
        return (torch.tanh(self.head(self.last(x) + skips[0])) + 1) / 2

    def context(self, planes):  # noqa: ARG002
        """Return what attention wants to know of the planes."""
        return None

    def attend_encoder(self, features, context):  # noqa: ARG002
        """Return the encoder's features at 1/8, attended to."""
        return features

    def attend_decoder(self, features, context):  # noqa: ARG002
        """Return the decoder's features at 1/8, attended to."""
        return features

    def layer_depths(self):
        """Return 0 for the stem, k for stage k of the encoder from 1, and 5 for all else."""
        last = 1 + len(self.down)
        depths = {}
        for name, _ in self.named_parameters():
            part, index = name.split(".")[:2]
            depths[name] = 0 if part == "stem" else 1 + int(index) if part == "down" else last
        return depths

    def _encode(self, planes, context):
        """Return the planes and the features at 1/2, 1/4, 1/8, 1/16 and 1/32 of their resolution."""
        features = [planes, self.stem[0](planes)]
        x = self.stem[1](features[-1])
        for depth, stage in enumerate(self.down):
            x = stage(x)
            if depth == 1:
                x = self.attend_encoder(x, context)
            features.append(x)
        return features

    def every_unknown(self, planes, step):
        """Return which pixels are unknown, every `step`-th of them, or None without a trimap."""
        if not self.takes_trimap:
            return None
        every = planes[:, :, ::step, ::step]
        return every[:, 4:5] > 0.5 if self.trimap_planes == 3 else split_planes(every[:, 3:4])[2]


def _bounded(convolution):
    """Return the convolution with its weight divided by an estimate of its largest singular value."""
    nn.init.xavier_uniform_(convolution.weight)
    return spectral_norm(convolution, dim=0)  # of a transposed convolution too, as the authors do


def _convolution(n_in, n_out, size=3, stride=1, padding_mode="zeros"):
    return _bounded(nn.Conv2d(n_in, n_out, size, stride, size // 2, bias=False, padding_mode=padding_mode))


def _enlarging(n_in, n_out):
    return _bounded(nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=False))


def _leaky():
    return nn.LeakyReLU(SLOPE, inplace=True)


def activated(n_in, n_out, stride=1):
    """Return convolution, norm, activation."""
    return _convolution(n_in, n_out, stride=stride), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)


def rectified(n_in, n_out, stride=1, padding_mode="zeros"):
    """Return convolution, activation, norm: the order of the skip connections and of GCA's guidance."""
    return (_convolution(n_in, n_out, stride=stride, padding_mode=padding_mode), nn.ReLU(inplace=True),
            nn.BatchNorm2d(n_out))


def _down_stage(n_in, n_out, count, stride):
    """Return residual blocks, the first of the stride."""
    blocks = []
    for k in range(count):
        entering, step = (n_in, stride) if k == 0 else (n_out, 1)
        shortcut = nn.Identity()
        if step > 1:
            shortcut = nn.Sequential(nn.AvgPool2d(step), _convolution(entering, n_out, 1), nn.BatchNorm2d(n_out))
        blocks.append(_Residual([*activated(entering, n_out, step), _convolution(n_out, n_out),
                                 nn.BatchNorm2d(n_out)], shortcut, nn.ReLU(inplace=True)))
    return nn.Sequential(*blocks)


def _up_stage(n_in, n_out, count):
    """Return residual blocks, the first of which doubles the resolution."""
    blocks = []
    for k in range(count):
        entering, first, shortcut = n_out, _convolution(n_out, n_out), nn.Identity()
        if k == 0:
            entering, first = n_in, _enlarging(n_in, n_in)
            shortcut = nn.Sequential(nn.Upsample(scale_factor=2), _convolution(n_in, n_out, 1), nn.BatchNorm2d(n_out))
        blocks.append(_Residual([first, nn.BatchNorm2d(entering), _leaky(), _convolution(entering, n_out),
                                 nn.BatchNorm2d(n_out)], shortcut, _leaky()))
    return nn.Sequential(*blocks)


class _Residual(nn.Module):
    """Layers, of which the last is a norm that begins at 0, beside a shortcut."""

    def __init__(self, layers, shortcut, activation):
        super().__init__()
        self.layers, self.shortcut, self.activation = nn.Sequential(*layers), shortcut, activation
        nn.init.zeros_(self.layers[-1].weight)

    def forward(self, x):
        return self.activation(self.layers(x) + self.shortcut(x))
