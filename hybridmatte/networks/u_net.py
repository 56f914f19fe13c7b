"""A U-Net with atrous spatial pyramid pooling over any encoder of timm."""

import difflib
import math

import timm
import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn
from torch.nn.functional import interpolate

from hybridmatte._validation import check_number
from hybridmatte.networks.atrous_pyramid import AtrousPyramid, convolution, convolve_joined
from hybridmatte.networks.network import CARD, MattingNetwork, count_planes

__all__ = ["MattingUNet", "unet"]

RATES = (1, 3, 6, 9)  # dilations of the pyramid
SCALED = {  # channels at width 1, and what each must be a multiple of
    "resnet": ("channels", (64, 128, 256, 512), (1, 1, 1, 1)),
    "pvt_v2_b0": ("embed_dims", (32, 64, 160, 256), (1, 2, 5, 8)),
}
WIDTHS = (32, 48, 64, 128, 256)  # channels of the decoder from full resolution down, at width 1


def unet(size="resnet18", *, width=1.0, trimap=False, pretrained=False, boundary=False):
    """Make a `MattingUNet`.

    Parameters
    ----------
    size : str, default "resnet18"
        Any encoder of timm that returns features of several resolutions, or "tiny": resnet10t at width 0.25, which
        trains on two CPU cores.
    width : float, default 1.0
        Factor of the channels of a ResNet encoder, or of the transformer pvt_v2_b0, and of the decoder; other encoders
        can only have 1.
    trimap : {False, True, "one-hot"}, default False
        Whether the network takes a trimap, as its fourth plane or one-hot as three.
    pretrained : bool, default False
        Start from timm's ImageNet weights of the encoder, which are downloaded; at width 1 only.
    boundary : bool, default False
        Whether a second head tells where alpha is mixed, as a teacher of `MatteLabelBlending` must.

    Returns
    -------
    network : MattingUNet

    Raises
    ------
    ValueError
        If timm has no such encoder, or it cannot have that width.

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
        encoder, width = "resnet10t", 0.25 * width
    if not timm.is_model(encoder):
        near = difflib.get_close_matches(encoder, timm.list_models(), 1)
        raise ValueError(f"size is {encoder!r}, expected an encoder of timm or 'tiny'"
                         + (f"; perhaps {near[0]!r}" if near else ""))
    network = MattingUNet(encoder=encoder, width=width, trimap=trimap, boundary=boundary)
    if pretrained:
        if width != 1.0:
            raise ValueError(f"width is {width:g}, expected 1 with pretrained weights")
        source = timm.create_model(encoder, features_only=True, in_chans=3 + network.trimap_planes, pretrained=True)
        network.encoder.load_state_dict(source.state_dict())
    return network


class MattingUNet(MattingNetwork, PyTorchModelHubMixin, library_name="hybridmatte", license="mit",
                 model_card_template=CARD):
    """U-Net with skip connections up to full resolution; see `unet`.

    The max-pooling after a ResNet's stem is left out, as in the paper, so that features keep twice the resolution.

    Parameters
    ----------
    encoder : str
    width : float
    trimap : {False, True, "one-hot"}
    boundary : bool

    Attributes
    ----------
    has_boundary : bool
        Whether there is a boundary head.
    """

    def __init__(self, *, encoder="resnet18", width=1.0, trimap=False, boundary=False):
        super().__init__()
        self.trimap_planes = count_planes(trimap)
        planes = 3 + self.trimap_planes
        check_number(width, "width", above=0)
        self.encoder = timm.create_model(encoder, features_only=True, in_chans=planes, **_scaled(encoder, width))
        if hasattr(self.encoder, "maxpool"):
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
        self.to(memory_format=torch.channels_last)  # convolutions of small channel numbers are then a third faster

    def estimate(self, planes):
        """Return alpha of normalised planes."""
        return torch.sigmoid(self.head(self._features(planes)))

    def alpha_and_boundary(self, image, trimap=None):
        """Return alpha and the boundary, where alpha is mixed, both (B, 1, H, W) in [0, 1]."""
        if not self.has_boundary:
            raise ValueError("network has no boundary head, expected one made with boundary=True")
        x = self._features(self.prepared(image, trimap))
        height, width = image.shape[2:]
        return tuple(torch.sigmoid(head(x))[:, :, :height, :width] for head in (self.head, self.boundary_head))

    def _features(self, planes):
        """Return the decoder's features at full resolution."""
        features = self.encoder(planes)
        x = self.pyramid(features[-1])
        skips = [planes, *features[:-1]] if self._joins_input else features[:-1]
        for stage, skip in zip(self.stages, reversed(skips), strict=True):
            x = stage(x, skip)
        return x

    def layer_depths(self):
        """Return the stages of the encoder below each parameter's."""
        names = [name for name, _ in self.named_parameters()]
        stages = list(dict.fromkeys(name.split(".")[1] for name in names if name.startswith("encoder.")))
        return {name: stages.index(name.split(".")[1]) if name.startswith("encoder.") else len(stages)
                for name in names}

    def _reductions(self, n_channels):
        """Return the strides of the encoder's features, by trying."""
        training, size = self.encoder.training, 128
        with torch.no_grad():
            shapes = [feature.shape[2] for feature in self.encoder.eval()(torch.zeros(1, n_channels, size, size))]
        self.encoder.train(training)
        return [size // side for side in shapes]


def _scaled(encoder, width):
    """Return the arguments that scale an encoder's channels."""
    if width == 1.0:
        return {}
    for family, (argument, channels, factors) in SCALED.items():
        if encoder.startswith(family):
            return {argument: tuple(factor * max(math.ceil(8 / factor), int(width * count) // factor)
                                    for count, factor in zip(channels, factors, strict=True))}
    raise ValueError(f"width is {width:g}, expected 1 for the encoder {encoder!r}: only those of "
                     f"{', '.join(SCALED)} can be scaled")


class _Stage(nn.Module):
    """Go up by a factor to the resolution of a skip connection and join it.

    A factor instead of the skip's size lets ONNX Runtime keep its blocked layout.
    """

    def __init__(self, n_in, n_skip, n_out, factor):
        super().__init__()
        self._factor = factor
        self.convolutions = nn.Sequential(convolution(n_in + n_skip, n_out), convolution(n_out, n_out))

    def forward(self, x, skip):
        if self._factor > 1:
            x = interpolate(x, scale_factor=self._factor, mode="bilinear", align_corners=False)
        return self.convolutions[1](convolve_joined(self.convolutions[0], x, skip))
