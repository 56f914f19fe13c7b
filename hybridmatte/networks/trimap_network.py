"""Net-T: from an image and a rough, soft segmentation to the probabilities of background, unknown and foreground."""

from contextlib import AbstractContextManager
from os import PathLike
from typing import Any, Literal, NamedTuple

import timm
import torch
from torch import nn
from torch.nn.functional import interpolate

from hybridmatte._validation import check_choice
from hybridmatte._validation_torch import check_together
from hybridmatte.networks.atrous_pyramid import AtrousPyramid, convolution
from hybridmatte.networks.encoder_weights import encoder_tensors
from hybridmatte.networks.network import model_card, normalized, padded_to, predicting
from hybridmatte.networks.saved_network import SavedNetwork

__all__ = ["TrimapNetwork", "net_t"]


class Size(NamedTuple):
    """The encoder of a size with its options, and the channels of the pyramid and of the shortcuts."""

    encoder: str
    options: dict[str, Any]
    pyramid_channels: int
    shortcut_channels: int


SIZES = {
    "resnet50": Size("resnet50", {}, 256, 48),
    "tiny": Size("resnet18", {"channels": (16, 32, 64, 128)}, 64, 12),
}
TRIMAP_CARD = model_card("""Estimates a trimap from a photograph and a rough mask:

    from hybridmatte.networks import load_network
    from hybridmatte.networks.joint_inference import predict_trimap

    trimap = predict_trimap(load_network("FOLDER, OR OWNER/NAME ON THE HUB"), image, mask)
""")
RATES = (1, 6, 12, 18)  # dilations of the pyramid at a stride of 16
DROPOUTS = (0.5, 0.5, 0.1)  # after the pyramid and after each convolution of the join; the paper leaves the second open


def net_t(
    size: Literal["resnet50", "tiny"] = "resnet50", *, pretrained: bool | str | PathLike[str] = False
) -> "TrimapNetwork":
    """Make a `TrimapNetwork`.

    Parameters
    ----------
    size : {"resnet50", "tiny"}, default "resnet50"
        40.5 million parameters as published, or 1.1 million of the same structure on a narrow ResNet-18, which can be
        trained on two CPU cores.
    pretrained : bool, str or path, default False
        Start the encoder from timm's ImageNet weights, which are downloaded; or from a local file, or from an installed
        package, see `hybridmatte.networks.encoder_weights.encoder_tensors`. For "resnet50" only.

    Returns
    -------
    network : TrimapNetwork

    Raises
    ------
    ValueError
        If there is no such size, or no pre-trained weights of that size.

    References
    ----------
    .. [1] Y. Zhou, L. Zhou, T. L. Lam, Y. Xu. Semantic-guided automatic natural image matting with light-weight
       non-local attention. Section 3.1, Figs. 2 and S3.

    Examples
    --------
    >>> import torch
    >>> network = net_t("tiny").eval()
    >>> network(torch.rand(1, 3, 40, 50), torch.rand(1, 1, 40, 50)).shape
    torch.Size([1, 3, 40, 50])
    """
    network = TrimapNetwork(size=size)
    if pretrained is not False:
        if size != "resnet50":
            raise ValueError(f"size is {size!r}, expected 'resnet50' with pretrained weights")
        source = timm.create_model("resnet50", features_only=True, output_stride=16, pretrained=pretrained is True)
        tensors = source.state_dict()
        if pretrained is not True:
            tensors = encoder_tensors(pretrained, "resnet50", tensors)
        network.encoder.load_state_dict(with_segmentation(tensors))
    return network


def with_segmentation(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return an encoder's weights for two more input planes, whose weights repeat those of the first two planes."""
    first = next(name for name, tensor in weights.items() if tensor.ndim == 4)
    return weights | {first: torch.cat([weights[first], weights[first][:, :2]], dim=1)}


class TrimapNetwork(
    nn.Module, SavedNetwork, library_name="hybridmatte", license="mit", model_card_template=TRIMAP_CARD
):
    """A dilated ResNet, atrous spatial pyramid pooling, and a decoder over features at 1/4 and 1/8; see `net_t`.

    Parameters
    ----------
    network : {"net_t"}
        Written to config.json, where it identifies the class.
    size : {"resnet50", "tiny"}

    Shapes
    ------
    image : (B, 3, H, W), RGB in [0, 1]
    segmentation : (B, 1, H, W), in [0, 1], 1 on the object
    logits : (B, 3, H, W), of background, unknown and foreground

    Notes
    -----
    The paper applies the last convolution to features enlarged to full resolution. Here it runs at 1/4 of the
    resolution and the logits are enlarged: the result is the same, as the two commute.

    The paper's table gives the pyramid a rate of 1. As in the code that the paper builds on, this is the factor of the
    dilations 6, 12 and 18. The last of the three dilated blocks has dilation 1, as in the table.
    """

    config_kind = "net_t"

    stride: int = 16
    has_fixed_size: bool = False
    encoder_prefix: str = "encoder."

    def __init__(self, *, network: Literal["net_t"] = "net_t", size: Literal["resnet50", "tiny"] = "resnet50") -> None:
        super().__init__()
        check_choice(network, "network", ("net_t",))
        encoder, options, wide, narrow = SIZES[check_choice(size, "size", tuple(SIZES))]
        self.encoder: Any = timm.create_model(encoder, features_only=True, in_chans=5, output_stride=16, **options)
        _undilate(self.encoder.layer4[-1])
        channels = self.encoder.feature_info.channels()
        self.pyramid = nn.Sequential(AtrousPyramid(channels[4], wide, RATES), nn.Dropout(DROPOUTS[0]))
        self.low, self.middle = (convolution(channels[k], narrow, 1, bias=True) for k in (1, 2))
        self.join = nn.Sequential(
            convolution(wide + 2 * narrow, wide, bias=True),
            nn.Dropout(DROPOUTS[1]),
            convolution(wide, wide, bias=True),
            nn.Dropout(DROPOUTS[2]),
        )
        self.head = nn.Conv2d(wide, 3, 1)
        self.to(memory_format=torch.channels_last)

    def forward(self, image: torch.Tensor, segmentation: torch.Tensor) -> torch.Tensor:
        """Return the logits of a batch."""
        check_together(image=image, segmentation=segmentation)
        logits = self.logits(*(padded_to(tensor, self.stride) for tensor in (image, segmentation)))
        return logits[:, :, : image.shape[2], : image.shape[3]]

    def logits(self, image: torch.Tensor, segmentation: torch.Tensor) -> torch.Tensor:
        """Return the logits of a batch whose height and width are multiples of the stride."""
        planes = torch.cat([normalized(image), 1 - segmentation, segmentation], dim=1)
        _, low, middle, _, high = self.encoder(planes)
        return _enlarged(self.decode(low, middle, high), planes.shape[2:])

    def decode(self, low: torch.Tensor, middle: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
        """Return the logits (B, 3, h, w) at 1/4 of the resolution, of features at 1/4, 1/8 and 1/16.

        The paper applies the last convolution after the enlargement, see Notes.
        """
        low = self.low(low)
        size = low.shape[2:]
        features = torch.cat([_enlarged(self.pyramid(high), size), self.middle(_enlarged(middle, size)), low], dim=1)
        return self.head(self.join(features))

    def layer_depths(self) -> dict[str, int]:
        """Return the depth of each parameter: 0 for the stem, k for stage k of the encoder, 5 for all other parts."""
        depths = {}
        for name, _ in self.named_parameters():
            part = name.split(".")[1]
            inside = int(part[-1]) if part.startswith("layer") else 0
            depths[name] = inside if name.startswith(self.encoder_prefix) else 5
        return depths

    def predicting(self) -> AbstractContextManager["TrimapNetwork"]:
        """Return a context manager for evaluation mode without gradients; it restores the mode at its end."""
        return predicting(self)


def _undilate(block: nn.Module) -> None:
    """Set the dilation of a residual block's 3 x 3 convolutions to 1."""
    for layer in block.modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
            layer.dilation = layer.padding = (1, 1)


def _enlarged(x: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """Return x interpolated to a height and width."""
    return interpolate(x, size=size, mode="bilinear", align_corners=False)
