"""A U-Net with atrous spatial pyramid pooling over any encoder of timm."""

import difflib
import math
from os import PathLike
from typing import Any, NamedTuple, cast

import timm
import torch
from torch import nn
from torch.nn.functional import interpolate

from hybridmatte._validation import check_number
from hybridmatte.networks.atrous_pyramid import AtrousPyramid, convolution, convolve_joined
from hybridmatte.networks.encoder_weights import encoder_tensors, renormalize_encoder
from hybridmatte.networks.network import CARD, MattingNetwork, TrimapOption, count_planes
from hybridmatte.networks.saved_network import SavedNetwork

__all__ = ["BOUNDARY_HEAD", "MattingUNet", "unet"]

BOUNDARY_HEAD = "boundary_head."  # beginning of the names of its tensors


class ScalableEncoder(NamedTuple):
    """How a family of timm's encoders is made narrower."""

    argument: str  # of timm.create_model, for the channels of the stages
    channels: tuple[int, ...]  # at width 1
    divisors: tuple[int, ...]  # the channels of each stage must be a multiple of its divisor


SCALABLE = {  # by the beginning of the encoder's name
    "resnet": ScalableEncoder("channels", (64, 128, 256, 512), (1, 1, 1, 1)),
    "pvt_v2_b0": ScalableEncoder("embed_dims", (32, 64, 160, 256), (1, 2, 5, 8)),
}
RATES = (1, 3, 6, 9)  # dilations of the pyramid
WIDTHS = (32, 48, 64, 128, 256)  # channels of the decoder at width 1, from full resolution down


def unet(
    size: str = "resnet18",
    *,
    width: float = 1.0,
    trimap: TrimapOption = False,
    pretrained: bool | str | PathLike[str] = False,
    boundary: bool = False,
) -> "MattingUNet":
    """Make a `MattingUNet`.

    Parameters
    ----------
    size : str, default "resnet18"
        Name of an encoder of timm that returns features of several resolutions; or "tiny", which is resnet10t at width
        0.25 and can be trained on two CPU cores.
    width : float, default 1.0
        Factor of the channels of encoder and decoder. The encoder must be a ResNet or the transformer pvt_v2_b0;
        other encoders allow 1 only.
    trimap : {False, True, "one-hot"}, default False
        Whether the network takes a trimap: as the fourth plane, or one-hot as three planes.
    pretrained : bool, str or path, default False
        Start the encoder from timm's ImageNet weights, which are downloaded; or from a local file, or from an installed
        package, see `hybridmatte.networks.encoder_weights.encoder_tensors`. At width 1 only. Weights that were trained
        with other colours than ImageNet's mean and deviation are changed to fit.
    boundary : bool, default False
        Whether a second head estimates the boundary, the pixels with mixed alpha; a teacher of `MatteLabelBlending`
        needs this head.

    Returns
    -------
    network : MattingUNet

    Raises
    ------
    ValueError
        If timm has no such encoder, or the encoder does not allow the width.

    References
    ----------
    .. [1] Weakly semi-supervised human matting. Fig. 12.

    Examples
    --------
    >>> import torch
    >>> network = unet("tiny", trimap=True).eval()
    >>> network(torch.rand(1, 3, 40, 50), torch.rand(1, 1, 40, 50)).shape
    torch.Size([1, 1, 40, 50])
    """
    encoder = size
    if size == "tiny":
        if pretrained is not False:
            raise ValueError("size is 'tiny', for which there are no pretrained weights, expected an encoder of timm")
        encoder, width = "resnet10t", 0.25 * width
    if not timm.is_model(encoder):
        near = difflib.get_close_matches(encoder, timm.list_models(), 1)
        raise ValueError(
            f"size is {encoder!r}, expected an encoder of timm or 'tiny'" + (f"; perhaps {near[0]!r}" if near else "")
        )
    network = MattingUNet(encoder=encoder, width=width, trimap=trimap, boundary=boundary)
    if pretrained is not False:
        if width != 1.0:
            raise ValueError(f"width is {width:g}, expected 1 with pretrained weights")
        if pretrained is True:
            source = timm.create_model(encoder, features_only=True, in_chans=3 + network.trimap_planes, pretrained=True)
            tensors = source.state_dict()
        else:
            tensors = encoder_tensors(pretrained, encoder, network.encoder.state_dict())
        network.encoder.load_state_dict(tensors)
        renormalize_encoder(network.encoder, encoder, (network.mean, network.std))
    return network


class MattingUNet(MattingNetwork, SavedNetwork, library_name="hybridmatte", license="mit", model_card_template=CARD):
    """U-Net with skip connections up to full resolution; see `unet`.

    The max-pooling after a ResNet's stem is removed, as in the paper, which doubles the resolution of the features.
    Colours are normalised by the mean and deviation of ImageNet. Pretrained weights that were trained with others, as
    EfficientNet-Lite's with 0.5 and 0.5, are changed to fit.

    Parameters
    ----------
    encoder : str
        Name of an encoder of timm.
    width : float
        Factor of the channels of encoder and decoder.
    trimap : {False, True, "one-hot"}
    boundary : bool

    Attributes
    ----------
    has_boundary : bool
        Whether there is a boundary head.

    Shapes
    ------
    image : (B, 3, H, W), RGB in [0, 1]
    trimap : (B, 1, H, W); None for a network without trimap
    alpha : (B, 1, H, W), in [0, 1]
    """

    config_kind = "unet"

    def __init__(
        self, *, encoder: str = "resnet18", width: float = 1.0, trimap: TrimapOption = False, boundary: bool = False
    ) -> None:
        super().__init__()
        self.trimap_planes = count_planes(trimap)
        planes = 3 + self.trimap_planes
        check_number(width, "width", above=0)
        options = _width_options(encoder, width)
        self.encoder: Any = timm.create_model(encoder, features_only=True, in_chans=planes, **options)
        if "maxpool" in dict(self.encoder.named_children()):
            self.encoder.maxpool = nn.Identity()
        channels, reductions = self.encoder.feature_info.channels(), self._reductions(planes)
        self.stride = max(reductions)
        widths = [max(8, int(width * w)) for w in WIDTHS]
        last = widths[min(len(channels), len(widths) - 1)]
        self.pyramid = AtrousPyramid(channels[-1], last, RATES)
        self.stages = nn.ModuleList()
        self._joins_input = reductions[0] > 1
        skips, strides = ([planes, *channels], [1, *reductions]) if self._joins_input else (channels, reductions)
        for depth in range(len(skips) - 2, -1, -1):
            own = widths[min(depth, len(widths) - 1)]
            self.stages.append(_Stage(last, skips[depth], own, strides[depth + 1] // strides[depth]))
            last = own
        self.head = nn.Conv2d(last, 1, 3, padding=1)
        self.has_boundary = boundary
        if boundary:
            self.boundary_head = nn.Conv2d(last, 1, 3, padding=1)
        self.to(memory_format=torch.channels_last)  # makes convolutions of few channels a third faster

    def estimate(self, planes: torch.Tensor) -> torch.Tensor:
        """Return alpha of the planes that `prepared` returns."""
        return torch.sigmoid(self.head(self._features(planes)))

    def alpha_and_boundary(
        self, image: torch.Tensor, trimap: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return alpha and the boundary, which is 1 where alpha is mixed, both (B, 1, H, W) in [0, 1]."""
        if not self.has_boundary:
            raise ValueError("network has no boundary head, expected one made with boundary=True")
        x = self._features(self.prepared(image, trimap))
        height, width = image.shape[2:]
        alpha, boundary = (torch.sigmoid(head(x))[:, :, :height, :width] for head in (self.head, self.boundary_head))
        return alpha, boundary

    def _features(self, planes: torch.Tensor) -> torch.Tensor:
        """Return the decoder's features at full resolution."""
        features = self.encoder(planes)
        x = self.pyramid(features[-1])
        skips = [planes, *features[:-1]] if self._joins_input else features[:-1]
        for stage, skip in zip(self.stages, reversed(skips), strict=True):
            x = stage(x, skip)
        return x

    def layer_depths(self) -> dict[str, int]:
        """Return the depth of each parameter: the number of encoder stages below it; the decoder has all of them."""
        names = [name for name, _ in self.named_parameters()]
        stages = list(dict.fromkeys(name.split(".")[1] for name in names if name.startswith("encoder.")))
        return {
            name: stages.index(name.split(".")[1]) if name.startswith("encoder.") else len(stages) for name in names
        }

    def _reductions(self, n_channels: int) -> list[int]:
        """Return the strides of the encoder's features, measured on an image of zeros."""
        training, size = self.encoder.training, 128
        with torch.no_grad():
            shapes = [feature.shape[2] for feature in self.encoder.eval()(torch.zeros(1, n_channels, size, size))]
        self.encoder.train(training)
        return [size // side for side in shapes]


def _width_options(encoder: str, width: float) -> dict[str, Any]:
    """Return the arguments of timm.create_model that multiply an encoder's channels by a width."""
    if width == 1.0:
        return {}
    for family, (argument, channels, divisors) in SCALABLE.items():
        if encoder.startswith(family):
            return {
                argument: tuple(
                    divisor * max(math.ceil(8 / divisor), int(width * count) // divisor)
                    for count, divisor in zip(channels, divisors, strict=True)
                )
            }
    raise ValueError(
        f"width is {width:g}, expected 1 for the encoder {encoder!r}: only those of {', '.join(SCALABLE)} can be scaled"
    )


class _Stage(nn.Module):
    """A stage of the decoder: upsampling to the resolution of a skip connection, then two convolutions of both.

    The upsampling uses a constant factor and not the size of the skip connection, so that ONNX Runtime can keep its
    blocked memory layout.

    Shapes
    ------
    x : (B, n_in, h, w)
    skip : (B, n_skip, factor h, factor w)
    result : (B, n_out, factor h, factor w)
    """

    def __init__(self, n_in: int, n_skip: int, n_out: int, factor: int) -> None:
        super().__init__()
        self._factor = factor
        self.convolutions = nn.Sequential(convolution(n_in + n_skip, n_out), convolution(n_out, n_out))

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        if self._factor > 1:
            x = interpolate(x, scale_factor=self._factor, mode="bilinear", align_corners=False)
        first, second = self.convolutions
        return second(convolve_joined(cast(nn.Sequential, first), x, skip))
