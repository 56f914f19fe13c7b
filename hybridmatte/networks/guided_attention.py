"""GCA-Matting: an encoder and decoder that pass opacity between places of the image that look alike."""

from itertools import pairwise

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn
from torch.nn.functional import fold, max_pool2d, pad, unfold
from torch.nn.utils.parametrizations import spectral_norm

from hybridmatte._check import check_choice, check_number
from hybridmatte._tensor import promote, split_planes
from hybridmatte.networks.network import CARD, MattingNetwork, count_planes

__all__ = ["MattingGCA", "gca"]

WIDTHS = {"resnet34": 1.0, "tiny": 5 / 32}
CHANNELS = (32, 64, 128, 256, 512)  # at 1/2, 1/4, ... 1/32 of the resolution, at width 1; at full resolution the first
DOWN_BLOCKS, UP_BLOCKS = (3, 4, 4, 2), (2, 3, 3, 2)
GUIDANCE = (16, 32, 128)  # channels of the head that sees the image alone, at 1/2, 1/4, 1/8
SLOPE = 0.2  # of the decoder's activations below 0
PENALTY = -1e4  # similarity of an unknown patch with itself
SHORTEST = 1e-4  # a patch is divided by its length or this
SCALES = (0.1, 10.0)  # bounds of the factors of unknown and known patches


def gca(size="resnet34", *, trimap="one-hot"):
    """Make a `MattingGCA` with random weights.

    Parameters
    ----------
    size : {"resnet34", "tiny"}, default "resnet34"
        25 million parameters as published, or 0.6 million of the same structure, which train on two CPU cores.
    trimap : {"one-hot", True, False}, default "one-hot"
        Whether the network takes a trimap, one-hot as three planes, as published, or as its fourth plane.

    Returns
    -------
    network : MattingGCA

    Raises
    ------
    ValueError
        If size or trimap is none of these.

    References
    ----------
    .. [1] Y. Li, H. Lu. Natural image matting via guided contextual attention. AAAI 2020.

    Examples
    --------
    >>> import torch
    >>> network = gca("tiny").eval()
    >>> network(torch.rand(1, 3, 40, 50), torch.rand(1, 1, 40, 50)).shape
    torch.Size([1, 1, 40, 50])
    """
    return MattingGCA(width=WIDTHS[check_choice(size, "size", tuple(WIDTHS))], trimap=trimap)


class MattingGCA(MattingNetwork, PyTorchModelHubMixin, library_name="hybridmatte", license="mit",
                 model_card_template=CARD):
    """A ResNet encoder and its mirror as decoder, with guided contextual attention at 1/8 in both; see `gca`.

    Parameters
    ----------
    network : {"gca"}
        Kept in config.json, to tell the classes of networks apart.
    width : float
        Factor of all channels; none has fewer than 8.
    trimap : {"one-hot", True, False}

    Attributes
    ----------
    attentions : ModuleList of two `GuidedAttention`
        Of the encoder and of the decoder. Without a trimap the whole image is unknown to them.

    Notes
    -----
    Memory of the attention grows with the square of the number of pixels, see `GuidedAttention`.

    The authors start from an encoder trained on ImageNet, with weights of 0 for the trimap in its first convolution.
    Here all weights are random, those of the trimap too.
    """

    encoder_prefix = ("stem.", "down.", "guide.", "attentions.0.")

    def __init__(self, *, network="gca", width=1.0, trimap="one-hot"):
        super().__init__()
        check_choice(network, "network", ("gca",))
        check_number(width, "width", above=0)
        self.trimap_planes = count_planes(trimap)
        planes = 3 + self.trimap_planes
        channels, guides = ([max(8, round(width * count)) for count in counts] for counts in (CHANNELS, GUIDANCE))
        self.stem = nn.ModuleList([
            nn.Sequential(*_activated(planes, channels[0], stride=2), *_activated(channels[0], channels[0])),
            nn.Sequential(*_activated(channels[0], channels[1], stride=2))])
        entering = [channels[1], *channels[1:]]
        self.down = nn.ModuleList(
            _down_stage(entering[k], entering[k + 1], DOWN_BLOCKS[k], stride=1 + (k > 0)) for k in range(4))
        self.guide = nn.Sequential(*(layer for n_in, n_out in pairwise([3, *guides])
                                     for layer in _rectified(n_in, n_out, stride=2, padding_mode="reflect")))
        self.attentions = nn.ModuleList(GuidedAttention(channels[2], guides[-1]) for _ in range(2))
        self.skips = nn.ModuleList(
            nn.Sequential(*_rectified(n_in, n_out), *_rectified(n_out, n_out))
            for n_in, n_out in zip((planes, *channels[:4]), (channels[0], *channels[:4]), strict=True))
        self.up = nn.ModuleList(
            _up_stage(channels[4 - k], channels[3 - k], count) for k, count in enumerate(UP_BLOCKS))
        self.last = nn.Sequential(_enlarging(channels[0], channels[0]), nn.BatchNorm2d(channels[0]), _leaky())
        self.head = nn.Conv2d(channels[0], 1, 3, padding=1)
        nn.init.xavier_uniform_(self.head.weight)
        self.to(memory_format=torch.channels_last)  # a step of training is then a tenth faster on a CPU

    def estimate(self, planes):
        """Return alpha of normalised planes."""
        guidance, is_unknown = self.guide(planes[:, :3]), self._unknown(planes)
        *sources, x = self._encode(planes, guidance, is_unknown)
        skips = [skip(source) for skip, source in zip(self.skips, sources, strict=True)]
        for depth, stage in enumerate(self.up):
            x = stage(x) + skips[-1 - depth]
            if depth == 1:
                x = self.attentions[1](guidance, x, is_unknown)
        return (torch.tanh(self.head(self.last(x) + skips[0])) + 1) / 2

    def layer_depths(self):
        """Return 0 for the stem, k for stage k of the encoder from 1, and 5 for guidance, attention and decoder."""
        last = 1 + len(self.down)
        depths = {}
        for name, _ in self.named_parameters():
            part, index = name.split(".")[:2]
            depths[name] = 0 if part == "stem" else 1 + int(index) if part == "down" else last
        return depths

    def _encode(self, planes, guidance, is_unknown):
        """Return the planes and the features at 1/2, 1/4, 1/8, 1/16 and 1/32 of their resolution."""
        features = [planes, self.stem[0](planes)]
        x = self.stem[1](features[-1])
        for depth, stage in enumerate(self.down):
            x = stage(x)
            if depth == 1:
                x = self.attentions[0](guidance, x, is_unknown)
            features.append(x)
        return features

    def _unknown(self, planes):
        """Return which pixels are unknown, every 16th of them, or None without a trimap."""
        if not self.takes_trimap:
            return None
        every = planes[:, :, ::16, ::16]
        return every[:, 4:5] > 0.5 if self.trimap_planes == 3 else split_planes(every[:, 3:4])[2]


class GuidedAttention(nn.Module):
    """Features plus what places of similar guidance have as features.

    Guidance and features are cut into P patches at every second position: 3 x 3 positions of the halved guidance, and
    the 4 x 4 features around. With g the guidance patches of length n and f the feature patches, the patch at p
    becomes the mean of all f_q by weights ``softmax_q(s(q) g_p . g_q / n_q)``; the four patches over a position are
    added and divided by 4. A patch with an unknown pixel has the factor ``s = sqrt(U / K)`` and does not look at
    itself; others have ``s = sqrt(K / U)``, U and K being the image's shares of unknown and known pixels. Both factors
    are kept within 0.1 and 10; without a trimap every patch is unknown and s is 1.

    Parameters
    ----------
    channels : int
        Of the features.
    guidance_channels : int

    Shapes
    ------
    guidance : (B, guidance_channels, h, w), h and w even and at least 4
    features : (B, channels, h, w)
    is_unknown : (B, 1, h / 2, w / 2), boolean, or None
    result : (B, channels, h, w)

    Notes
    -----
    Each image needs a few arrays of P x P float32, also under autocast, P = h w / 4: of an image of 512 x 512 pixels,
    whose features have 64 x 64 positions, 4 MiB each; of 2048 x 2048 pixels 1 GiB each. A pass backwards keeps them.

    As in the authors' code the patch that looks keeps its length, and at the border, where fewer than four patches lie
    over a position, their sum is divided by 4 all the same.

    References
    ----------
    .. [1] Y. Li, H. Lu. Natural image matting via guided contextual attention. AAAI 2020.
    """

    def __init__(self, channels, guidance_channels):
        super().__init__()
        self.narrow = nn.Conv2d(guidance_channels, guidance_channels // 2, 1)
        self.mix = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
        for convolution in (self.narrow, self.mix[0]):
            nn.init.xavier_uniform_(convolution.weight)
        nn.init.zeros_(self.narrow.bias)
        nn.init.constant_(self.mix[1].weight, 1e-3)

    def forward(self, guidance, features, is_unknown=None):
        """Return the features with those of similar places added."""
        guidance = self.narrow(guidance[:, :, ::2, ::2])
        with torch.autocast(features.device.type, enabled=False):
            weights = self.weights(promote(guidance), is_unknown)
            patches = unfold(pad(promote(features), (1, 1, 1, 1), mode="reflect"), 4, stride=2)
            seen = fold(patches @ weights.mT, features.shape[2:], 4, padding=1, stride=2) / 4
        return features + self.mix(seen.to(features.dtype))

    def weights(self, guidance, is_unknown=None):
        """Return how much each patch looks at each, (B, P, P), rows summing to 1, by the narrowed, halved guidance."""
        patches = unfold(pad(guidance, (1, 1, 1, 1), mode="reflect"), 3)
        directions = patches / torch.linalg.vector_norm(patches, dim=1, keepdim=True).clamp(min=SHORTEST)
        similarity = patches.mT @ directions
        is_self = torch.eye(similarity.shape[-1], dtype=torch.bool, device=similarity.device)
        if is_unknown is not None:
            share = is_unknown.to(guidance.dtype).mean(dim=(2, 3))[:, None]
            ratio = (share / (1 - share)).sqrt()
            touches = max_pool2d(is_unknown.to(guidance.dtype), 3, stride=1, padding=1).flatten(2) > 0
            similarity = similarity * torch.where(touches, ratio.clamp(*SCALES), (1 / ratio).clamp(*SCALES))
            is_self = is_self & touches
        return similarity.masked_fill(is_self, PENALTY).softmax(dim=-1)


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


def _activated(n_in, n_out, stride=1):
    """Return convolution, norm, activation."""
    return _convolution(n_in, n_out, stride=stride), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)


def _rectified(n_in, n_out, stride=1, padding_mode="zeros"):
    """Return convolution, activation, norm: the order of the skip connections and the guidance."""
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
        blocks.append(_Residual([*_activated(entering, n_out, step), _convolution(n_out, n_out),
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
