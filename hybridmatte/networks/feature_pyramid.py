"""A light network for finding objects: an EfficientNet encoder and a pyramid of features."""

from os import PathLike
from typing import Any, cast

import timm
import torch
from torch import nn
from torch.nn.functional import conv2d, interpolate, pad

from hybridmatte._validation import check_integer
from hybridmatte.networks.encoder_weights import encoder_tensors
from hybridmatte.networks.network import CARD, MattingNetwork, TrimapOption, count_planes
from hybridmatte.networks.saved_network import SavedNetwork

__all__ = ["MattingPyramid", "pyramid"]

ENCODERS = ("tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2")
STAGES = 6  # of the encoder's seven; the last has a fifth of its parameters and no resolution of its own
DECODER = (4, 3, 2, 1.5, 0.75)  # channels of the decoder in units of `channels`, from 1/32 to 1/2 of the resolution
SKIPS = {0: 2, 1: 4, 2: 8, 4: 16, 5: 32}  # stage to the stride of its output, for the stages that the decoder reads


def pyramid(
    size: str = "tf_efficientnet_lite0",
    *,
    channels: int = 32,
    frozen: int = 0,
    trimap: TrimapOption = False,
    pretrained: bool | str | PathLike[str] = False,
) -> "MattingPyramid":
    """Make a `MattingPyramid`.

    Parameters
    ----------
    size : {"tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2"}
        Name of the encoder in timm.
    channels : int, default 32
        Unit of the decoder's channels, a multiple of 4; see `DECODER`.
    frozen : int, default 0
        Stages of the encoder that training leaves as they are, 0 to 6.
    trimap : {False, True, "one-hot"}, default False
        Whether the network takes a trimap: as the fourth plane, or one-hot as three planes.
    pretrained : bool, str or path, default False
        Start the encoder from timm's ImageNet weights, which are downloaded; or from a local file, or from an installed
        package, see `hybridmatte.networks.encoder_weights.encoder_tensors`.

    Returns
    -------
    network : MattingPyramid

    Raises
    ------
    ValueError
        If an option is out of its range, or the weights do not fit.

    References
    ----------
    .. [1] T.-Y. Lin, P. Dollar, R. Girshick, K. He, B. Hariharan, S. Belongie. Feature pyramid networks for object
       detection. CVPR 2017.

    Examples
    --------
    >>> import torch
    >>> network = pyramid(channels=16).eval()
    >>> network(torch.rand(1, 3, 40, 50)).shape
    torch.Size([1, 1, 40, 50])
    """
    network = MattingPyramid(encoder=size, channels=channels, frozen=frozen, trimap=trimap)
    if pretrained is True:
        own = network.encoder.state_dict()
        source = timm.create_model(size, in_chans=3 + network.trimap_planes, pretrained=True).state_dict()
        network.encoder.load_state_dict({name: source[name] for name in own})
    elif pretrained is not False:
        network.encoder.load_state_dict(encoder_tensors(pretrained, size, network.encoder.state_dict()))
    return network


class MattingPyramid(MattingNetwork, SavedNetwork, library_name="hybridmatte", license="mit", model_card_template=CARD):
    """An EfficientNet without its last stage, and a pyramid from 1/32 up to 1/2 of the resolution; see `pyramid`.

    The batch norms of the encoder keep the statistics that they were trained with, since small batches of crops give
    worse ones. Alpha is estimated at 1/2 of the resolution and enlarged.

    Parameters
    ----------
    network : {"pyramid"}
        Written to config.json, where it identifies the class.
    encoder : str
    channels : int
    frozen : int
    trimap : {False, True, "one-hot"}

    Shapes
    ------
    image : (B, 3, H, W), RGB in [0, 1]
    trimap : (B, 1, H, W); None for a network without trimap
    alpha : (B, 1, H, W), in [0, 1]
    """

    config_kind = "pyramid"
    mean = std = (0.5, 0.5, 0.5)

    def __init__(
        self,
        *,
        network: str = "pyramid",
        encoder: str = "tf_efficientnet_lite0",
        channels: int = 32,
        frozen: int = 0,
        trimap: TrimapOption = False,
    ) -> None:
        super().__init__()
        if network != "pyramid":
            raise ValueError(f"network is {network!r}, expected 'pyramid'")
        if encoder not in ENCODERS:
            raise ValueError(f"size is {encoder!r}, expected {' or '.join(map(repr, ENCODERS))}")
        check_integer(frozen, "frozen", low=0)
        check_integer(channels, "channels", low=4)
        if channels % 4:
            raise ValueError(f"channels is {channels}, expected a multiple of 4")
        self.trimap_planes = count_planes(trimap)
        self.encoder = _Encoder(encoder, 3 + self.trimap_planes, frozen)
        *skips, deepest = self.encoder.widths
        widths = [int(unit * channels) for unit in DECODER]
        self.context = _Context(deepest, widths[0])
        self.steps = nn.ModuleList(
            _Step(before, skip, after) for before, skip, after in zip(widths[:-1], skips[::-1], widths[1:], strict=True)
        )
        self.head = nn.Conv2d(widths[-1], 1, 3, padding=1)
        self.to(memory_format=torch.channels_last)

    def estimate(self, planes: torch.Tensor) -> torch.Tensor:
        """Return alpha of the planes that `prepared` returns."""
        *skips, deepest = self.encoder(planes)
        x = self.context(deepest)
        for step, skip in zip(self.steps, reversed(skips), strict=True):
            x = step(x, skip)
        return torch.sigmoid(_doubled(self.head(x)))

    def layer_depths(self) -> dict[str, int]:
        """Return the depth of each parameter: 0 for the stem, k + 1 for stage k of the encoder, 7 for the decoder."""
        return {name: _depth(name) for name, _ in self.named_parameters()}


class _Encoder(nn.Module):
    """The first stages of timm's EfficientNet, under timm's names; returns the features that the decoder reads."""

    def __init__(self, name: str, planes: int, frozen: int) -> None:
        super().__init__()
        whole: Any = timm.create_model(name, in_chans=planes, num_classes=0)
        self.conv_stem, self.bn1, self.blocks = whole.conv_stem, whole.bn1, whole.blocks[:STAGES]
        _fix_padding(self)
        self.frozen = min(frozen, STAGES)
        self.widths = [_channels_after(self.blocks[stage]) for stage in SKIPS]
        for part in self._frozen_parts():
            part.requires_grad_(False)

    def forward(self, planes: torch.Tensor) -> list[torch.Tensor]:
        x, features = self.bn1(self.conv_stem(planes)), []
        for stage, block in enumerate(self.blocks):
            x = block(x)
            if stage in SKIPS:
                features.append(x)
        return features

    def train(self, mode: bool = True) -> "_Encoder":
        """Set the mode of all but the batch norms, which keep their statistics."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def _frozen_parts(self) -> list[nn.Module]:
        """Return the parts that training leaves as they are: the stem goes with the first stage."""
        return [self.conv_stem, self.bn1, *self.blocks[: self.frozen]] if self.frozen else []


class _Context(nn.Module):
    """The deepest features with a view of the whole image.

    Shapes
    ------
    x : (B, n_in, h, w)
    result : (B, n_out, h, w)
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.near = nn.Sequential(*_separable(n_in, n_out, 5))
        self.whole = nn.Sequential(nn.Conv2d(n_in, n_out, 1), nn.ReLU(inplace=True), nn.Conv2d(n_out, n_out, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # a subtraction: OpenCV's ONNX reader does not broadcast the 1 x 1 planes of an addition
        return self.near(x) - self.whole(x.mean(dim=(2, 3), keepdim=True))


class _Step(nn.Module):
    """One step up the pyramid: double the resolution, add a skip connection, convolve.

    Shapes
    ------
    x : (B, n_in, h, w)
    skip : (B, n_skip, 2 h, 2 w)
    result : (B, n_out, 2 h, 2 w)
    """

    def __init__(self, n_in: int, n_skip: int, n_out: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(n_in, n_out, 1, bias=False)
        self.lateral = nn.Sequential(nn.Conv2d(n_skip, n_out, 1, bias=False), nn.BatchNorm2d(n_out))
        self.convolve = nn.Sequential(*_separable(n_out, n_out, 3), *_separable(n_out, n_out, 3))

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        return self.convolve(_doubled(self.reduce(x)) + self.lateral(skip))


class _EvenConvolution(nn.Conv2d):
    """A convolution of stride 2 for even heights and widths, padded as TensorFlow does: one more below and right.

    timm computes that padding from the input's size, which makes an ONNX file that OpenCV cannot read.

    Shapes
    ------
    x : (B, n_in, 2 h, 2 w)
    result : (B, n_out, h, w)
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        low = (self.kernel_size[0] - 2) // 2
        high = self.kernel_size[0] - 2 - low
        return conv2d(pad(x, (low, high, low, high)), self.weight, self.bias, self.stride, groups=self.groups)


def _fix_padding(module: nn.Module) -> None:
    """Replace timm's convolutions of stride 2, at any depth, by `_EvenConvolution`; their weights stay."""
    for name, child in module.named_children():
        if not isinstance(child, nn.Conv2d) or child.stride == (1, 1):
            _fix_padding(child)
            continue
        replacement = _EvenConvolution(
            child.in_channels, child.out_channels, child.kernel_size, child.stride, groups=child.groups, bias=False
        )
        replacement.weight = child.weight
        setattr(module, name, replacement)


def _doubled(x: torch.Tensor) -> torch.Tensor:
    """Return features at twice the height and width."""
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _separable(n_in: int, n_out: int, size: int) -> tuple[nn.Module, ...]:
    """Return a depthwise and a pointwise convolution, each with batch norm, and a ReLU."""
    return (
        nn.Conv2d(n_in, n_in, size, padding=size // 2, groups=n_in, bias=False),
        nn.BatchNorm2d(n_in),
        nn.Conv2d(n_in, n_out, 1, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(inplace=True),
    )


def _channels_after(stage: nn.Module) -> int:
    """Return the output channels of a stage: those of its last convolution."""
    convolutions = [module for module in stage.modules() if isinstance(module, nn.Conv2d)]
    return cast(int, convolutions[-1].out_channels)


def _depth(name: str) -> int:
    """Return the depth of a parameter by its name."""
    parts = name.split(".")
    if parts[0] != "encoder":
        return STAGES + 1
    return int(parts[2]) + 1 if parts[1] == "blocks" else 0
