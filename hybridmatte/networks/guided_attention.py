"""GCA-Matting: an encoder and decoder that pass opacity between places of the image that look alike."""

from itertools import pairwise

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn
from torch.nn.functional import fold, max_pool2d, pad, unfold

from hybridmatte._validation import check_choice
from hybridmatte._validation_torch import promote
from hybridmatte.networks.network import CARD
from hybridmatte.networks.residual_unet import ResidualUNet, rectified

__all__ = ["MattingGCA", "gca"]

WIDTHS = {"resnet34": 1.0, "tiny": 5 / 32}
GUIDANCE = (16, 32, 128)  # channels of the head that sees the image alone, at 1/2, 1/4, 1/8
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


class MattingGCA(ResidualUNet, PyTorchModelHubMixin, library_name="hybridmatte", license="mit",
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

    encoder_prefix = (*ResidualUNet.encoder_prefix, "guide.", "attentions.0.")

    def __init__(self, *, network="gca", width=1.0, trimap="one-hot"):
        super().__init__(width, trimap)
        check_choice(network, "network", ("gca",))
        guides = [max(8, round(width * count)) for count in GUIDANCE]
        self.guide = nn.Sequential(*(layer for n_in, n_out in pairwise([3, *guides])
                                     for layer in rectified(n_in, n_out, stride=2, padding_mode="reflect")))
        self.attentions = nn.ModuleList(GuidedAttention(self.channels[2], guides[-1]) for _ in range(2))
        self.to(memory_format=torch.channels_last)  # a step of training is then a tenth faster on a CPU

    def context(self, planes):
        """Return the guidance, from the image alone, and what is unknown."""
        return self.guide(planes[:, :3]), self.every_unknown(planes, 16)

    def attend_encoder(self, features, context):
        """Return the encoder's features with those of similar places added."""
        return self.attentions[0](context[0], features, context[1])

    def attend_decoder(self, features, context):
        """Return the decoder's features with those of similar places added."""
        return self.attentions[1](context[0], features, context[1])


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
            unknown = is_unknown.to(guidance.dtype)
            touches = max_pool2d(unknown, 3, stride=1, padding=1).flatten(2) > 0
            similarity = similarity * region_factors(touches, unknown.mean(dim=(2, 3))[:, None])
            is_self = is_self & touches
        return similarity.masked_fill(is_self, PENALTY).softmax(dim=-1)


def region_factors(is_unknown, share):
    """Return the factor of similarities of unknown places, ``sqrt(share / (1 - share))``, and of known ones.

    That of known places is the inverse; both are kept within 0.1 and 10.

    Parameters
    ----------
    is_unknown : (B, 1, P) boolean tensor
    share : (B, 1, 1) tensor
        Of the image that is unknown, in [0, 1].

    Returns
    -------
    factors : (B, 1, P) tensor
    """
    ratio = (share / (1 - share)).sqrt()
    return torch.where(is_unknown, ratio.clamp(*SCALES), (1 / ratio).clamp(*SCALES))
