"""MODNet: a branch for semantics at low resolution, one for detail at high resolution, and their fusion."""

from typing import Any, Literal

import timm
import torch
from torch import nn
from torch.nn.functional import interpolate

from hybridmatte._validation import check_choice
from hybridmatte.networks.network import CARD, MattingNetwork, TrimapOption, count_planes
from hybridmatte.networks.saved_network import SavedNetwork

__all__ = ["MattingMOD", "modnet"]

WIDTHS = {"mobilenetv2": ("mobilenetv2_100", 32), "tiny": ("mobilenetv2_035", 12)}  # encoder, channels of the detail
SEMANTIC = 1280  # channels of the encoder's last convolution
REDUCTION = 4  # of the channels in squeeze and excitation


def modnet(size: Literal["mobilenetv2", "tiny"] = "mobilenetv2", *, trimap: TrimapOption = False) -> "MattingMOD":
    """Make a `MattingMOD` with random weights.

    Parameters
    ----------
    size : {"mobilenetv2", "tiny"}, default "mobilenetv2"
        6.5 million parameters as published, or 0.8 million of the same structure, which can be trained on two CPU
        cores.
    trimap : {False, True, "one-hot"}, default False
        Whether the network takes a trimap; the published one does not.

    Returns
    -------
    network : MattingMOD

    Raises
    ------
    ValueError
        If size or trimap is none of these.

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


class MattingMOD(MattingNetwork, SavedNetwork, library_name="hybridmatte", license="mit", model_card_template=CARD):
    """A MobileNetV2 encoder with three branches; see `modnet`.

    Parameters
    ----------
    network : {"modnet"}
        Written to config.json, where it identifies the class.
    size : {"mobilenetv2", "tiny"}
    trimap : {False, True, "one-hot"}

    Shapes
    ------
    image : (B, 3, H, W), RGB in [0, 1]
    trimap : (B, 1, H, W); None for a network without trimap
    alpha : (B, 1, H, W), in [0, 1]

    Notes
    -----
    The published network has two further heads in training, of 10,434 parameters: the semantic branch has a loss on a
    blurred alpha, the detail branch has a loss on the boundary. Here the loss applies to the final alpha alone, and
    these heads do not exist.
    """

    config_kind = "modnet"

    mean = std = (0.5, 0.5, 0.5)

    def __init__(
        self,
        *,
        network: Literal["modnet"] = "modnet",
        size: Literal["mobilenetv2", "tiny"] = "mobilenetv2",
        trimap: TrimapOption = False,
    ) -> None:
        super().__init__()
        check_choice(network, "network", ("modnet",))
        encoder, width = WIDTHS[check_choice(size, "size", tuple(WIDTHS))]
        self.trimap_planes = count_planes(trimap)
        planes = 3 + self.trimap_planes
        self.encoder: Any = timm.create_model(encoder, features_only=True, in_chans=planes)
        channels = self.encoder.feature_info.channels()
        semantic = SEMANTIC if size == "mobilenetv2" else 4 * channels[-1]
        self.widen = nn.Sequential(
            nn.Conv2d(channels[-1], semantic, 1, bias=False), nn.BatchNorm2d(semantic), nn.ReLU6(inplace=True)
        )
        self.semantic = _Semantic(semantic, channels[3], channels[2])
        self.detail = _Detail(channels[0], channels[1], channels[2], width, planes)
        self.fusion = _Fusion(channels[2], width, planes)
        self.to(memory_format=torch.channels_last)

    def estimate(self, planes: torch.Tensor) -> torch.Tensor:
        """Return alpha of the planes that `prepared` returns."""
        half, quarter, *_, last = self.encoder(planes)
        eighth = self.semantic(self.widen(last))
        return self.fusion(planes, eighth, self.detail(planes, half, quarter, eighth))

    def layer_depths(self) -> dict[str, int]:
        """Return the depth of each parameter: 0 for the stem, k + 1 for stage k, the largest for the branches."""
        stages = len(self.encoder.blocks)
        depths = {}
        for name, _ in self.named_parameters():
            part = name.split(".")
            inside = int(part[2]) + 1 if part[1] == "blocks" else 0
            depths[name] = inside if part[0] == "encoder" else stages + 1
        return depths


class _Semantic(nn.Module):
    """The semantic branch: squeeze and excitation of the encoder's last features, then convolutions up to 1/8.

    Shapes
    ------
    x : (B, wide, H / 32, W / 32)
    result : (B, eighth, H / 8, W / 8)
    """

    def __init__(self, wide: int, sixteenth: int, eighth: int) -> None:
        super().__init__()
        self.excite = nn.Sequential(
            nn.Linear(wide, wide // REDUCTION, bias=False),
            nn.ReLU(inplace=True),
            nn.Linear(wide // REDUCTION, wide, bias=False),
            nn.Sigmoid(),
        )
        self.sixteenth, self.eighth = _convolution(wide, sixteenth, 5), _convolution(sixteenth, eighth, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x * self.excite(x.mean(dim=(2, 3)))[:, :, None, None]
        return self.eighth(_doubled(self.sixteenth(_doubled(x))))


class _Detail(nn.Module):
    """The detail branch: features at 1/2 from the image, the encoder's first two stages and the semantics.

    Shapes
    ------
    planes : (B, planes, H, W)
    half : (B, half, H / 2, W / 2), of the encoder
    quarter : (B, quarter, H / 4, W / 4), of the encoder
    eighth : (B, eighth, H / 8, W / 8), of the semantic branch
    result : (B, width, H / 2, W / 2)
    """

    def __init__(self, half: int, quarter: int, eighth: int, width: int, planes: int) -> None:
        super().__init__()
        self.from_half, self.from_quarter = _convolution(half, width, 1), _convolution(quarter, width, 1)
        self.down, self.join = _convolution(width + planes, width, 3, stride=2), _convolution(2 * width, 2 * width, 3)
        self.at_quarter = nn.Sequential(
            _convolution(2 * width + eighth + planes, 2 * width, 3),
            _convolution(2 * width, 2 * width, 3),
            _convolution(2 * width, width, 3),
        )
        self.at_half = nn.Sequential(
            _convolution(2 * width, 2 * width, 3),
            _convolution(2 * width, width, 3),
            _convolution(width, width, 3),
            _convolution(width, width, 3),
        )

    def forward(
        self, planes: torch.Tensor, half: torch.Tensor, quarter: torch.Tensor, eighth: torch.Tensor
    ) -> torch.Tensor:
        half = self.from_half(half)
        x = self.down(torch.cat([_shrunk(planes, 2), half], dim=1))
        x = self.join(torch.cat([x, self.from_quarter(quarter)], dim=1))
        x = self.at_quarter(torch.cat([x, _doubled(eighth), _shrunk(planes, 4)], dim=1))
        return self.at_half(torch.cat([_doubled(x), half], dim=1))


class _Fusion(nn.Module):
    """The fusion branch: alpha from semantics, detail and image.

    Shapes
    ------
    planes : (B, planes, H, W)
    eighth : (B, eighth, H / 8, W / 8), of the semantic branch
    detail : (B, width, H / 2, W / 2), of the detail branch
    alpha : (B, 1, H, W), in [0, 1]
    """

    def __init__(self, eighth: int, width: int, planes: int) -> None:
        super().__init__()
        self.to_half, self.join = _convolution(eighth, width, 5), _convolution(2 * width, width, 3)
        self.last = _convolution(width + planes, width // 2, 3)
        self.head = nn.Conv2d(width // 2, 1, 1)

    def forward(self, planes: torch.Tensor, eighth: torch.Tensor, detail: torch.Tensor) -> torch.Tensor:
        x = self.join(torch.cat([_doubled(self.to_half(_doubled(eighth))), detail], dim=1))
        return torch.sigmoid(self.head(self.last(torch.cat([_doubled(x), planes], dim=1))))


class _HalfInstanceNorm(nn.Module):
    """Batch norm of the first half of the channels, instance norm of the second half.

    Shapes
    ------
    x : (B, channels, h, w)
    result : (B, channels, h, w)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.batch = nn.BatchNorm2d(channels // 2)
        self.instance = nn.InstanceNorm2d(channels - channels // 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count = self.batch.num_features
        return torch.cat([self.batch(x[:, :count]), self.instance(x[:, count:])], dim=1)


def _convolution(n_in: int, n_out: int, size: int, stride: int = 1) -> nn.Sequential:
    """Return a convolution, half-instance norm and ReLU that keep height and width at stride 1."""
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, size, stride, size // 2), _HalfInstanceNorm(n_out), nn.ReLU(inplace=True)
    )


def _doubled(x: torch.Tensor) -> torch.Tensor:
    """Return x at twice the height and width."""
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _shrunk(x: torch.Tensor, factor: int) -> torch.Tensor:
    """Return x at 1 / factor of the height and width."""
    return interpolate(x, scale_factor=1 / factor, mode="bilinear", align_corners=False)
