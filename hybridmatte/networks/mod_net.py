"""MODNet: semantics at low resolution, detail at high resolution, and their fusion."""

import timm
import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn
from torch.nn.functional import interpolate

from hybridmatte._validation import check_choice
from hybridmatte.networks.network import CARD, MattingNetwork, count_planes

__all__ = ["MattingMOD", "modnet"]

WIDTHS = {"mobilenetv2": ("mobilenetv2_100", 32), "tiny": ("mobilenetv2_035", 12)}
SEMANTIC = 1280  # channels of the encoder's last convolution
REDUCTION = 4  # of the channels in squeeze and excitation


def modnet(size="mobilenetv2", *, trimap=False):
    """Make a `MattingMOD` with random weights.

    Parameters
    ----------
    size : {"mobilenetv2", "tiny"}, default "mobilenetv2"
        6.5 million parameters as published, or 0.8 million of the same structure, which train on two CPU cores.
    trimap : {False, True, "one-hot"}, default False
        Whether the network takes a trimap; as published it does not.

    Returns
    -------
    network : MattingMOD

    Raises
    ------
    ValueError
        If there is no such size.

    References
    ----------
    .. [1] Z. Ke, J. Sun, K. Li, Q. Yan, R. W. H. Lau. MODNet: Real-time trimap-free portrait matting via objective
       decomposition. AAAI 2022.

    Examples
    --------
    >>> network = modnet("tiny").eval()
    >>> network(torch.rand(1, 3, 40, 50)).shape
    torch.Size([1, 1, 40, 50])
    """
    return MattingMOD(size=size, trimap=trimap)


class MattingMOD(MattingNetwork, PyTorchModelHubMixin, library_name="hybridmatte", license="mit",
                 model_card_template=CARD):
    """A MobileNetV2 encoder with three branches; see `modnet`.

    Parameters
    ----------
    network : {"modnet"}
        Kept in config.json, to tell the classes of networks apart.
    size : {"mobilenetv2", "tiny"}
    trimap : {False, True, "one-hot"}

    Notes
    -----
    As published the semantic and the detail branch have heads of their own in training, of 10,434 parameters, for
    losses on a blurred alpha and on its boundary. They are not made here: the network is charged by its alpha alone.
    """

    mean = std = (0.5, 0.5, 0.5)

    def __init__(self, *, network="modnet", size="mobilenetv2", trimap=False):
        super().__init__()
        check_choice(network, "network", ("modnet",))
        encoder, width = WIDTHS[check_choice(size, "size", tuple(WIDTHS))]
        self.trimap_planes = count_planes(trimap)
        planes = 3 + self.trimap_planes
        self.encoder = timm.create_model(encoder, features_only=True, in_chans=planes)
        channels = self.encoder.feature_info.channels()
        semantic = SEMANTIC if size == "mobilenetv2" else 4 * channels[-1]
        self.widen = nn.Sequential(nn.Conv2d(channels[-1], semantic, 1, bias=False), nn.BatchNorm2d(semantic),
                                   nn.ReLU6(inplace=True))
        self.semantic = _Semantic(semantic, channels[3], channels[2])
        self.detail = _Detail(channels[0], channels[1], channels[2], width, planes)
        self.fusion = _Fusion(channels[2], width, planes)
        self.to(memory_format=torch.channels_last)

    def estimate(self, planes):
        """Return alpha of normalised planes."""
        half, quarter, *_, last = self.encoder(planes)
        eighth = self.semantic(self.widen(last))
        return self.fusion(planes, eighth, self.detail(planes, half, quarter, eighth))

    def layer_depths(self):
        """Return 0 for the stem, k + 1 for stage k of the encoder, and the branches after the last."""
        stages = len(self.encoder.blocks)
        depths = {}
        for name, _ in self.named_parameters():
            part = name.split(".")
            inside = int(part[2]) + 1 if part[1] == "blocks" else 0
            depths[name] = inside if part[0] == "encoder" else stages + 1
        return depths


class _Semantic(nn.Module):
    """Squeeze and excitation, then up to 1/8."""

    def __init__(self, wide, sixteenth, eighth):
        super().__init__()
        self.excite = nn.Sequential(nn.Linear(wide, wide // REDUCTION, bias=False), nn.ReLU(inplace=True),
                                    nn.Linear(wide // REDUCTION, wide, bias=False), nn.Sigmoid())
        self.sixteenth, self.eighth = _normed(wide, sixteenth, 5), _normed(sixteenth, eighth, 5)

    def forward(self, x):
        x = x * self.excite(x.mean(dim=(2, 3)))[:, :, None, None]
        return self.eighth(_doubled(self.sixteenth(_doubled(x))))


class _Detail(nn.Module):
    """Features at 1/2 from the image, the encoder's first stages and the semantics."""

    def __init__(self, half, quarter, eighth, width, planes):
        super().__init__()
        self.from_half, self.from_quarter = _normed(half, width, 1), _normed(quarter, width, 1)
        self.down, self.join = _normed(width + planes, width, 3, stride=2), _normed(2 * width, 2 * width, 3)
        self.at_quarter = nn.Sequential(_normed(2 * width + eighth + planes, 2 * width, 3),
                                        _normed(2 * width, 2 * width, 3), _normed(2 * width, width, 3))
        self.at_half = nn.Sequential(_normed(2 * width, 2 * width, 3), _normed(2 * width, width, 3),
                                     _normed(width, width, 3), _normed(width, width, 3))

    def forward(self, planes, half, quarter, eighth):
        half = self.from_half(half)
        x = self.down(torch.cat([_shrunk(planes, 2), half], dim=1))
        x = self.join(torch.cat([x, self.from_quarter(quarter)], dim=1))
        x = self.at_quarter(torch.cat([x, _doubled(eighth), _shrunk(planes, 4)], dim=1))
        return self.at_half(torch.cat([_doubled(x), half], dim=1))


class _Fusion(nn.Module):
    """Alpha from semantics, detail and image."""

    def __init__(self, eighth, width, planes):
        super().__init__()
        self.to_half, self.join = _normed(eighth, width, 5), _normed(2 * width, width, 3)
        self.last = _normed(width + planes, width // 2, 3)
        self.head = nn.Conv2d(width // 2, 1, 1)

    def forward(self, planes, eighth, detail):
        x = self.join(torch.cat([_doubled(self.to_half(_doubled(eighth))), detail], dim=1))
        return torch.sigmoid(self.head(self.last(torch.cat([_doubled(x), planes], dim=1))))


class _HalfInstanceNorm(nn.Module):
    """Batch norm of the first half of the channels, instance norm of the others."""

    def __init__(self, channels):
        super().__init__()
        self.batch = nn.BatchNorm2d(channels // 2)
        self.instance = nn.InstanceNorm2d(channels - channels // 2)

    def forward(self, x):
        count = self.batch.num_features
        return torch.cat([self.batch(x[:, :count]), self.instance(x[:, count:])], dim=1)


def _normed(n_in, n_out, size, stride=1):
    return nn.Sequential(nn.Conv2d(n_in, n_out, size, stride, size // 2), _HalfInstanceNorm(n_out),
                         nn.ReLU(inplace=True))


def _doubled(x):
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _shrunk(x, factor):
    return interpolate(x, scale_factor=1 / factor, mode="bilinear", align_corners=False)
