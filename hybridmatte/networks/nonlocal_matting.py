"""Net-M: a residual U-Net whose places look at all others, at little cost, and a module that refines its alpha."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn
from torch.nn.functional import avg_pool2d, dropout, interpolate, max_pool2d

from hybridmatte._validation import check_choice
from hybridmatte._validation_torch import promote
from hybridmatte.networks.guided_attention import region_factors
from hybridmatte.networks.network import CARD
from hybridmatte.networks.residual_unet import ResidualUNet

__all__ = ["MattingNonlocal", "NonlocalAttention", "net_m"]

WIDTHS = {"resnet34": 1.0, "tiny": 5 / 32}
STRIDE = 4  # of the keys
REFINING = 64  # channels of the refinement
DROPOUT = 0.1  # of the attention; the paper has some, and does not say how much


def net_m(size="resnet34", *, trimap="one-hot", refinement=True):
    """Make a `MattingNonlocal` with random weights.

    Parameters
    ----------
    size : {"resnet34", "tiny"}, default "resnet34"
        25.5 million parameters as published, or 0.6 million of the same structure, which train on two CPU cores.
    trimap : {"one-hot", True, False}, default "one-hot"
        Whether the network takes a trimap, one-hot as three planes, or as its fourth plane.
    refinement : bool, default True
        Whether the residual module follows; without it the network is the paper's NLM.

    Returns
    -------
    network : MattingNonlocal

    Raises
    ------
    ValueError
        If size or trimap is none of these.

    References
    ----------
    .. [1] Y. Zhou, L. Zhou, T. L. Lam, Y. Xu. Semantic-guided automatic natural image matting with light-weight
       non-local attention. Section 3.2, Figs. S4-S8.

    Examples
    --------
    >>> import torch
    >>> network = net_m("tiny").eval()
    >>> network(torch.rand(1, 3, 40, 50), torch.rand(1, 1, 40, 50)).shape
    torch.Size([1, 1, 40, 50])
    """
    return MattingNonlocal(width=WIDTHS[check_choice(size, "size", tuple(WIDTHS))], trimap=trimap,
                           refinement=refinement)


class MattingNonlocal(ResidualUNet, PyTorchModelHubMixin, library_name="hybridmatte", license="mit",
                      model_card_template=CARD):
    """A residual U-Net with `NonlocalAttention` in the encoder at 1/8, then a residual of its alpha; see `net_m`.

    Parameters
    ----------
    network : {"net_m"}
        Kept in config.json, to tell the classes of networks apart.
    width : float
        Factor of all channels; none has fewer than 8.
    trimap : {"one-hot", True, False}
    refinement : bool

    Notes
    -----
    The paper's tables leave open what follows the last convolution; here it is half of tanh plus a half, as in
    GCA-Matting, whose U-Net this is. The refined alpha is clipped to [0, 1] in evaluation and not in training.
    """

    encoder_prefix = (*ResidualUNet.encoder_prefix, "attention.")

    def __init__(self, *, network="net_m", width=1.0, trimap="one-hot", refinement=True):
        super().__init__(width, trimap)
        check_choice(network, "network", ("net_m",))
        self.attention = NonlocalAttention(self.channels[2])
        self.refinement = Refinement(max(8, round(width * REFINING))) if refinement else None
        self.to(memory_format=torch.channels_last)  # as for GCA-Matting

    def context(self, planes):
        """Return what is unknown at 1/8."""
        return self.every_unknown(planes, 8)

    def attend_encoder(self, features, context):
        """Return the encoder's features with those of similar places added."""
        return self.attention(features, context)

    def estimate(self, planes):
        """Return the refined alpha of normalised planes, or the coarse one without refinement."""
        return self._both(planes)[-1].clamp(0, 1)

    def weighted_alphas(self, image, trimap=None):
        """Return coarse and refined alpha, half the loss each: half the paper's sum of both losses."""
        alphas = [alpha[:, :, :image.shape[2], :image.shape[3]] for alpha in self._both(self.prepared(image, trimap))]
        return [(1 / len(alphas), alpha) for alpha in alphas]

    def _both(self, planes):
        """Return the coarse alpha and the refined one, or the coarse one alone."""
        coarse = super().estimate(planes)
        return [coarse] if self.refinement is None else [coarse, coarse + self.refinement(coarse)]


class NonlocalAttention(nn.Module):
    """Features plus the mean of all features, weighted by how alike their places are; keys are every fourth position.

    With e a 1 x 1 convolution to half of the d channels and e' its result shrunk by a 4 x 4 convolution of stride 4 on
    each channel alone, position p becomes ``x_p + W sum_q softmax_q(s(p) e_p . e'_q / sqrt(d / 2)) x'_q``, where x' is
    the mean of x over each 4 x 4 square and W a 1 x 1 convolution with batch norm. An unknown position has
    ``s = sqrt(U / K)`` and a known one ``s = sqrt(K / U)``, U and K being the shares of unknown and known positions;
    both are kept within 0.1 and 10. Without a trimap s is 1.

    Parameters
    ----------
    channels : int
        d, at least 2.

    Shapes
    ------
    features : (B, channels, h, w), h and w multiples of 4
    is_unknown : (B, 1, h, w), boolean, or None
    result : (B, channels, h, w)

    Notes
    -----
    With 128 channels there are 25,984 parameters, as in the paper's Table 6: 8,256 of e, 1,088 of the shrinking and
    16,640 of W. That leaves none for shrinking the features that are passed on, hence their mean.

    Weights of an image are h w x h w / 16 float32: of 512 x 512 pixels, whose features have 64 x 64 positions, 4 MiB.

    References
    ----------
    .. [1] Y. Zhou, L. Zhou, T. L. Lam, Y. Xu. Semantic-guided automatic natural image matting with light-weight
       non-local attention. Eq. 2-5, Fig. 3.
    """

    def __init__(self, channels):
        super().__init__()
        half = channels // 2
        self.embed = nn.Conv2d(channels, half, 1)
        self.shrink = nn.Conv2d(half, half, STRIDE, STRIDE, groups=half)
        self.mix = nn.Sequential(nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels))
        for convolution in (self.embed, self.mix[0]):
            nn.init.xavier_uniform_(convolution.weight)
        nn.init.zeros_(self.embed.bias)
        nn.init.constant_(self.mix[1].weight, 1e-3)

    def forward(self, features, is_unknown=None):
        """Return the features with those of similar places added."""
        with torch.autocast(features.device.type, enabled=False):
            x = promote(features)
            weights = dropout(self.weights(x, is_unknown), DROPOUT, self.training)
            seen = (avg_pool2d(x, STRIDE).flatten(2) @ weights.mT).view(x.shape)
        return features + self.mix(seen.to(features.dtype))

    def weights(self, features, is_unknown=None):
        """Return how much each position looks at each square of 4 x 4, (B, h w, h w / 16), rows summing to 1."""
        embedded = self.embed(features)
        keys, queries = self.shrink(embedded).flatten(2), embedded.flatten(2)
        if is_unknown is not None:
            flat = is_unknown.flatten(2)
            queries = queries * region_factors(flat, flat.to(queries.dtype).mean(dim=2, keepdim=True))
        return (queries.mT @ keys / keys.shape[1] ** 0.5).softmax(dim=-1)


class Refinement(nn.Module):
    """A small U-Net from a coarse alpha to what should be added to it (Fig. S8).

    Parameters
    ----------
    channels : int

    Shapes
    ------
    alpha, residual : (B, 1, H, W), H and W multiples of 16
    """

    def __init__(self, channels):
        super().__init__()
        self.enter = nn.Conv2d(1, 1, 3, padding=1)
        self.down = nn.ModuleList(_convolution(channels if k else 1, channels) for k in range(4))
        self.bottom = _convolution(channels, channels)
        self.up = nn.ModuleList(_convolution(2 * channels, channels) for _ in range(4))
        self.head = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, alpha):
        """Return the residual."""
        x, skips = self.enter(alpha), []
        for stage in self.down:
            skips.append(stage(x))
            x = max_pool2d(skips[-1], 2)
        x = self.bottom(x)
        for stage, skip in zip(self.up, reversed(skips), strict=True):
            x = interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = stage(torch.cat([x, skip], dim=1))
        return self.head(x)


def _convolution(n_in, n_out):
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))
