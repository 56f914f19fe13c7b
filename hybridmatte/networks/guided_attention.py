"""GCA-Matting: a residual U-Net whose attention passes features between similar patches of the image."""

from itertools import pairwise
from os import PathLike
from typing import Literal

import torch
from torch import nn
from torch.nn.functional import fold, max_pool2d, pad, unfold

from hybridmatte._validation import check_choice
from hybridmatte._validation_torch import promote
from hybridmatte.networks.network import CARD, TrimapOption
from hybridmatte.networks.residual_unet import ResidualUNet, rectified
from hybridmatte.networks.saved_network import SavedNetwork

__all__ = ["MattingGCA", "gca"]

WIDTHS = {"resnet34": 1.0, "tiny": 5 / 32}
GUIDANCE = (16, 32, 128)  # channels at 1/2, 1/4 and 1/8 of the branch that sees the image alone
SELF_SIMILARITY = -1e4  # of an unknown patch with itself: its weight is then 0
MIN_NORM = 1e-4  # a guidance patch is divided by its norm, or by this if the norm is smaller
FACTOR_BOUNDS = (0.1, 10.0)  # of the factors of unknown and known patches


def gca(
    size: Literal["resnet34", "tiny"] = "resnet34",
    *,
    trimap: TrimapOption = "one-hot",
    pretrained: bool | str | PathLike[str] = False,
) -> "MattingGCA":
    """Make a `MattingGCA`.

    Parameters
    ----------
    size : {"resnet34", "tiny"}, default "resnet34"
        25 million parameters as published, or 0.6 million of the same structure, which can be trained on two CPU cores.
    trimap : {"one-hot", True, False}, default "one-hot"
        Whether the network takes a trimap: one-hot as three planes, as published, or as the fourth plane.
    pretrained : bool, str or path, default False
        As for `net_m`, whose encoder has the same convolutions. For "resnet34" only. Guidance and attention stay
        random.

    Returns
    -------
    network : MattingGCA

    Raises
    ------
    ValueError
        If size or trimap is none of these, there are no pre-trained weights of that size, or the weights do not fit.
    FileNotFoundError
        If pretrained names neither a file nor a package.

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
    network = MattingGCA(width=WIDTHS[check_choice(size, "size", tuple(WIDTHS))], trimap=trimap)
    if pretrained is not False:
        if size != "resnet34":
            raise ValueError(f"size is {size!r}, expected 'resnet34' with pretrained weights")
        network.load_encoder(pretrained)
    return network


class MattingGCA(ResidualUNet, SavedNetwork, library_name="hybridmatte", license="mit", model_card_template=CARD):
    """A ResNet encoder with a mirrored decoder, and guided contextual attention at 1/8 in both; see `gca`.

    Parameters
    ----------
    network : {"gca"}
        Written to config.json, where it identifies the class.
    width : float
        Factor of all channel numbers; each is at least 8.
    trimap : {"one-hot", True, False}

    Attributes
    ----------
    attentions : ModuleList of two `GuidedAttention`
        Of the encoder and of the decoder. Without a trimap they treat the whole image as unknown.

    Shapes
    ------
    image : (B, 3, H, W), RGB in [0, 1]
    trimap : (B, 1, H, W); None for a network without trimap
    alpha : (B, 1, H, W), in [0, 1]

    Notes
    -----
    Memory of the attention grows with the square of the number of pixels, see `GuidedAttention`.

    The authors start from an encoder trained on ImageNet, whose first convolution has weights of 0 for the trimap: see
    `pretrained` of `gca`. Without it all weights are random, also those for the trimap.
    """

    config_kind = "gca"

    encoder_prefix = (*ResidualUNet.encoder_prefix, "guide.", "attentions.0.")

    def __init__(
        self, *, network: Literal["gca"] = "gca", width: float = 1.0, trimap: TrimapOption = "one-hot"
    ) -> None:
        super().__init__(width, trimap)
        check_choice(network, "network", ("gca",))
        guides = [max(8, round(width * count)) for count in GUIDANCE]
        self.guide = nn.Sequential(
            *(
                layer
                for n_in, n_out in pairwise([3, *guides])
                for layer in rectified(n_in, n_out, stride=2, padding_mode="reflect")
            )
        )
        self.attentions = nn.ModuleList(GuidedAttention(self.channels[2], guides[-1]) for _ in range(2))
        self.to(memory_format=torch.channels_last)  # makes a training step on a CPU a tenth faster

    def context(self, planes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the guidance of the image at 1/8, and the unknown pixels at 1/16, None without a trimap."""
        return self.guide(planes[:, :3]), self.unknown_at_stride(planes, 16)

    def attend_encoder(self, features: torch.Tensor, context: tuple[torch.Tensor, torch.Tensor | None]) -> torch.Tensor:
        """Return the encoder's features with the features of similar places added."""
        return self.attentions[0](context[0], features, context[1])

    def attend_decoder(self, features: torch.Tensor, context: tuple[torch.Tensor, torch.Tensor | None]) -> torch.Tensor:
        """Return the decoder's features with the features of similar places added."""
        return self.attentions[1](context[0], features, context[1])


class GuidedAttention(nn.Module):
    """Guided contextual attention: adds to each place the features of places with similar guidance.

    Guidance and features are cut into P patches, one at every second position: 3 x 3 positions of the guidance at half
    its resolution, and the 4 x 4 features around the same place. Let g be the guidance patches, n their norms and f
    the feature patches. The patch at p becomes the mean of all f_q with the weights
    ``softmax_q(s(q) g_p . g_q / n_q)``. Four patches overlap at a position; they are added and divided by 4.

    Let U and K be the shares of unknown and known pixels of the image. A patch with an unknown pixel has the factor
    ``s = sqrt(U / K)`` and no weight for itself; any other patch has ``s = sqrt(K / U)``. Both factors are clipped to
    [0.1, 10]. Without a trimap every patch is unknown and s is 1.

    Parameters
    ----------
    channels : int
        Channels of the features.
    guidance_channels : int

    Shapes
    ------
    guidance : (B, guidance_channels, h, w), h and w even and at least 4
    features : (B, channels, h, w)
    is_unknown : (B, 1, h / 2, w / 2), boolean, or None
    result : (B, channels, h, w)

    Notes
    -----
    Each image needs several arrays of P x P float32, also under autocast, with P = h w / 4. For an image of 512 x 512
    pixels the features have 64 x 64 positions, and an array has 4 MiB; for 2048 x 2048 pixels it has 1 GiB. The arrays
    are kept for the backward pass.

    As in the authors' code, g_p is not divided by its norm, and the sum is divided by 4 also at the border, where
    fewer than four patches overlap.

    References
    ----------
    .. [1] Y. Li, H. Lu. Natural image matting via guided contextual attention. AAAI 2020.
    """

    def __init__(self, channels: int, guidance_channels: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(guidance_channels, guidance_channels // 2, 1)
        mix, norm = nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels)
        self.mix = nn.Sequential(mix, norm)
        initialize_attention(self.narrow, mix, norm)

    def forward(
        self, guidance: torch.Tensor, features: torch.Tensor, is_unknown: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the features with the features of similar places added."""
        guidance = self.narrow(guidance[:, :, ::2, ::2])
        with torch.autocast(features.device.type, enabled=False):
            weights = self.weights(promote(guidance), is_unknown)
            patches = unfold(pad(promote(features), (1, 1, 1, 1), mode="reflect"), 4, stride=2)
            attended = fold(patches @ weights.mT, features.shape[2:], 4, padding=1, stride=2) / 4
        return features + self.mix(attended.to(features.dtype))

    def weights(self, guidance: torch.Tensor, is_unknown: torch.Tensor | None = None) -> torch.Tensor:
        """Return the attention weights (B, P, P), rows summing to 1, of guidance at half its resolution, narrowed."""
        patches = unfold(pad(guidance, (1, 1, 1, 1), mode="reflect"), 3)
        directions = patches / torch.linalg.vector_norm(patches, dim=1, keepdim=True).clamp(min=MIN_NORM)
        similarity = patches.mT @ directions
        is_self = torch.eye(similarity.shape[-1], dtype=torch.bool, device=similarity.device)
        if is_unknown is not None:
            unknown = is_unknown.to(guidance.dtype)
            touches = max_pool2d(unknown, 3, stride=1, padding=1).flatten(2) > 0
            similarity = similarity * region_factors(touches, unknown.mean(dim=(2, 3))[:, None])
            is_self = is_self & touches
        return similarity.masked_fill(is_self, SELF_SIMILARITY).softmax(dim=-1)


def initialize_attention(embed: nn.Conv2d, mix: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Draw the weights of an attention's two convolutions; the norm's small weight makes it start near zero."""
    for convolution in (embed, mix):
        nn.init.xavier_uniform_(convolution.weight)
    if embed.bias is not None:
        nn.init.zeros_(embed.bias)
    nn.init.constant_(norm.weight, 1e-3)


def region_factors(is_unknown: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Return factors of similarities: ``sqrt(share / (1 - share))`` for unknown places, the inverse for known ones.

    Both are clipped to [0.1, 10].

    Parameters
    ----------
    is_unknown : (B, 1, P) boolean tensor
    share : (B, 1, 1) tensor
        Share of the image that is unknown, in [0, 1].

    Returns
    -------
    factors : (B, 1, P) tensor
    """
    ratio = (share / (1 - share)).sqrt()
    return torch.where(is_unknown, ratio.clamp(*FACTOR_BOUNDS), (1 / ratio).clamp(*FACTOR_BOUNDS))
