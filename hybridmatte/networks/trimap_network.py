"""Net-T: from an image and a coarse, soft segmentation to the probability of background, unknown and foreground."""

import timm
import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn
from torch.nn.functional import interpolate

from hybridmatte._validation import check_choice
from hybridmatte._validation_torch import check_together
from hybridmatte.networks.atrous_pyramid import AtrousPyramid, convolution
from hybridmatte.networks.network import model_card, normalized, padded_to, predicting

__all__ = ["TrimapNetwork", "net_t"]

SIZES = {  # encoder, its options, and the widths of pyramid and shortcuts
    "resnet50": ("resnet50", {}, 256, 48),
    "tiny": ("resnet18", {"channels": (16, 32, 64, 128)}, 64, 12),
}
TRIMAP_CARD = model_card("""From a photograph and a rough mask to a trimap:

    from hybridmatte.networks import load_network
    from hybridmatte.networks.joint_inference import predict_trimap

    trimap = predict_trimap(load_network("FOLDER, OR OWNER/NAME ON THE HUB"), image, mask)
""")
RATES = (1, 6, 12, 18)  # dilations of the pyramid at a stride of 16
DROPOUTS = (0.5, 0.5, 0.1)  # after the pyramid and each convolution of the join; of the second the paper says nothing


def net_t(size="resnet50", *, pretrained=False):
    """Make a `TrimapNetwork`.

    Parameters
    ----------
    size : {"resnet50", "tiny"}, default "resnet50"
        40.5 million parameters as published, or 1.1 million of the same structure over a narrow ResNet-18, which train
        on two CPU cores.
    pretrained : bool, default False
        Start from timm's ImageNet weights of the encoder, which are downloaded; "resnet50" only.

    Returns
    -------
    network : TrimapNetwork

    Raises
    ------
    ValueError
        If there is no such size, or no pre-trained weights of it.

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
    if pretrained:
        if size != "resnet50":
            raise ValueError(f"size is {size!r}, expected 'resnet50' with pretrained weights")
        source = timm.create_model("resnet50", features_only=True, output_stride=16, pretrained=True)
        network.encoder.load_state_dict(with_segmentation(source.state_dict()))
    return network


def with_segmentation(weights):
    """Return an encoder's weights for two planes more: in its first convolution the first two planes' come again."""
    first = next(name for name, tensor in weights.items() if tensor.ndim == 4)
    return weights | {first: torch.cat([weights[first], weights[first][:, :2]], dim=1)}


class TrimapNetwork(nn.Module, PyTorchModelHubMixin, library_name="hybridmatte", license="mit",
                    model_card_template=TRIMAP_CARD):
    """A dilated ResNet, atrous spatial pyramid pooling, and a decoder over features at 1/4 and 1/8; see `net_t`.

    The last dropout and convolution work at 1/4 of the resolution's features, enlarged before the classes are told.

    Parameters
    ----------
    network : {"net_t"}
        Kept in config.json, to tell the classes of networks apart.
    size : {"resnet50", "tiny"}

    Shapes
    ------
    image : (B, 3, H, W), in [0, 1]
    segmentation : (B, 1, H, W), in [0, 1], 1 where the object is
    logits : (B, 3, H, W), of background, unknown and foreground

    Notes
    -----
    The paper's table gives the pyramid a rate of 1; as in the code family it comes from, that is the factor of the
    dilations 6, 12 and 18. The last of the three dilated blocks has dilation 1, as in the table.
    """

    stride = 16
    encoder_prefix = "encoder."

    def __init__(self, *, network="net_t", size="resnet50"):
        super().__init__()
        check_choice(network, "network", ("net_t",))
        encoder, options, wide, narrow = SIZES[check_choice(size, "size", tuple(SIZES))]
        self.encoder = timm.create_model(encoder, features_only=True, in_chans=5, output_stride=16, **options)
        _undilate(self.encoder.layer4[-1])
        channels = self.encoder.feature_info.channels()
        self.pyramid = nn.Sequential(AtrousPyramid(channels[4], wide, RATES), nn.Dropout(DROPOUTS[0]))
        self.low, self.middle = (convolution(channels[k], narrow, 1, bias=True) for k in (1, 2))
        self.join = nn.Sequential(convolution(wide + 2 * narrow, wide, bias=True), nn.Dropout(DROPOUTS[1]),
                                  convolution(wide, wide, bias=True), nn.Dropout(DROPOUTS[2]))
        self.head = nn.Conv2d(wide, 3, 1)
        self.to(memory_format=torch.channels_last)

    def forward(self, image, segmentation):
        """Return the logits of a batch."""
        check_together(image=image, segmentation=segmentation)
        planes = torch.cat([normalized(image), 1 - segmentation, segmentation], dim=1)
        planes = padded_to(planes, self.stride)
        _, low, middle, _, high = self.encoder(planes)
        logits = _enlarged(self.decode(low, middle, high), planes.shape[2:])
        return logits[:, :, :image.shape[2], :image.shape[3]]

    def decode(self, low, middle, high):
        """Return the logits at 1/4: the paper's last convolution comes after the enlargement, which commutes with it.

        low, middle, high : features at 1/4, 1/8 and 1/16.
        """
        low = self.low(low)
        size = low.shape[2:]
        features = torch.cat([_enlarged(self.pyramid(high), size), self.middle(_enlarged(middle, size)), low], dim=1)
        return self.head(self.join(features))

    def layer_depths(self):
        """Return 0 for the stem, k for stage k of the encoder, and 5 for pyramid and decoder."""
        depths = {}
        for name, _ in self.named_parameters():
            part = name.split(".")[1]
            inside = int(part[-1]) if part.startswith("layer") else 0
            depths[name] = inside if name.startswith(self.encoder_prefix) else 5
        return depths

    def predicting(self):
        """Be in evaluation mode and without gradients for a while."""
        return predicting(self)


def _undilate(block):
    """Give a residual block's 3 x 3 convolutions dilation 1."""
    for layer in block.modules():
        if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
            layer.dilation = layer.padding = (1, 1)


def _enlarged(x, size):
    return interpolate(x, size=size, mode="bilinear", align_corners=False)
