"""Net-M: a residual U-Net with light-weight attention between all places, and a module that refines its alpha."""

import copy
from os import PathLike
from typing import ClassVar, Literal

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, dropout, interpolate, max_pool2d

from hybridmatte._validation import check_choice
from hybridmatte._validation_torch import promote
from hybridmatte.networks.guided_attention import initialize_attention, region_factors
from hybridmatte.networks.network import CARD, TrimapOption
from hybridmatte.networks.residual_unet import ResidualUNet
from hybridmatte.networks.saved_network import SavedNetwork

__all__ = ["MattingNonlocal", "NonlocalAttention", "net_m"]

WIDTHS = {"resnet34": 1.0, "tiny": 5 / 32}
STRIDE = 4  # of the keys
REFINEMENT_CHANNELS = 64
DROPOUT = 0.1  # of the attention weights; the paper uses dropout but does not give the rate


def net_m(
    size: Literal["resnet34", "tiny"] = "resnet34",
    *,
    trimap: TrimapOption = "one-hot",
    refinement: bool = True,
    attention: bool = True,
    pretrained: bool | str | PathLike[str] = False,
) -> "MattingNonlocal":
    """Make a `MattingNonlocal`.

    Parameters
    ----------
    size : {"resnet34", "tiny"}, default "resnet34"
        25.5 million parameters as published, or 0.6 million of the same structure, which can be trained on two CPU
        cores.
    trimap : {"one-hot", True, False}, default "one-hot"
        Whether the network takes a trimap: one-hot as three planes, or as the fourth plane.
    refinement : bool, default True
        Whether the residual module follows; without it the network is the paper's NLM.
    attention : bool, default True
        Whether the encoder has `NonlocalAttention` at 1/8; without it the network is a residual U-Net, for comparison.
    pretrained : bool, str or path, default False
        Start the encoder from timm's ImageNet weights of resnet34d, which are downloaded; or from a local file, or from
        an installed package, of weights of resnet34d or resnet34, see `ResidualUNet.load_encoder` and
        `hybridmatte.networks.encoder_weights.encoder_tensors`. For "resnet34" only.

    Returns
    -------
    network : MattingNonlocal

    Raises
    ------
    ValueError
        If size or trimap is none of these, there are no pre-trained weights of that size, or the weights do not fit.
    FileNotFoundError
        If pretrained names neither a file nor a package.

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
    width = WIDTHS[check_choice(size, "size", tuple(WIDTHS))]
    if pretrained is not False and size != "resnet34":
        raise ValueError(f"size is {size!r}, expected 'resnet34' with pretrained weights")
    network = MattingNonlocal(width=width, trimap=trimap, refinement=refinement, attention=attention)
    if pretrained is not False:
        network.load_encoder(pretrained)
    return network


class MattingNonlocal(ResidualUNet, SavedNetwork, library_name="hybridmatte", license="mit", model_card_template=CARD):
    """A residual U-Net with `NonlocalAttention` in the encoder at 1/8, then a refinement of its alpha; see `net_m`.

    Parameters
    ----------
    network : {"net_m"}
        Written to config.json, where it identifies the class.
    width : float
        Factor of all channel numbers; each is at least 8.
    trimap : {"one-hot", True, False}
    refinement, attention : bool
    normalized_head : bool, default True
        Whether the last convolution has a spectral norm and a batch norm, as in the paper's table. Networks of
        versions without this argument have neither.

    Shapes
    ------
    image : (B, 3, H, W), RGB in [0, 1]
    trimap : (B, 1, H, W); None for a network without trimap
    alpha : (B, 1, H, W), in [0, 1]

    Notes
    -----
    The paper's tables do not say what follows the last batch norm. Here it is ``(tanh(x) + 1) / 2``, as in
    GCA-Matting, whose U-Net this is. The refined alpha is clipped to [0, 1] in `forward`, but not in
    `weighted_alphas`, which training uses.
    """

    config_kind = "net_m"
    marks: ClassVar[dict[str, str]] = {"normalized_head": "head.norm.weight"}

    encoder_prefix = (*ResidualUNet.encoder_prefix, "attention.")

    def __init__(
        self,
        *,
        network: Literal["net_m"] = "net_m",
        width: float = 1.0,
        trimap: TrimapOption = "one-hot",
        refinement: bool = True,
        attention: bool = True,
        normalized_head: bool = True,
    ) -> None:
        super().__init__(width, trimap)
        check_choice(network, "network", ("net_m",))
        if normalized_head:
            self.head = NormalizedHead(self.channels[0])
        self.attention = NonlocalAttention(self.channels[2]) if attention else None
        self.refinement = Refinement(max(8, round(width * REFINEMENT_CHANNELS))) if refinement else None
        self.to(memory_format=torch.channels_last)  # faster on a CPU, see MattingGCA

    def context(self, planes: torch.Tensor) -> torch.Tensor | None:
        """Return the unknown pixels at 1/8, None without a trimap."""
        return self.unknown_at_stride(planes, 8)

    def attend_encoder(self, features: torch.Tensor, context: torch.Tensor | None) -> torch.Tensor:
        """Return the encoder's features with the features of similar places added, unchanged without attention."""
        return features if self.attention is None else self.attention(features, context)

    def estimate(self, planes: torch.Tensor) -> torch.Tensor:
        """Return the refined alpha of the planes that `prepared` returns, or the coarse one without refinement."""
        return self._coarse_and_refined(planes)[-1].clamp(0, 1)

    def weighted_alphas(
        self, image: torch.Tensor, trimap: torch.Tensor | None = None
    ) -> list[tuple[float, torch.Tensor]]:
        """Return coarse and refined alpha with the weight 1/2 each; the paper adds the two losses with weight 1."""
        alphas = [
            alpha[:, :, : image.shape[2], : image.shape[3]]
            for alpha in self._coarse_and_refined(self.prepared(image, trimap))
        ]
        return [(1 / len(alphas), alpha) for alpha in alphas]

    def coarse(self) -> "MattingNonlocal":
        """Return this network without its refinement: it shares all weights, and its alpha is the coarse one."""
        network = copy.copy(self)
        network._modules = self._modules | {"refinement": None}
        network._hub_mixin_config = {**(self._hub_mixin_config or {}), "refinement": False}  # pyright: ignore
        return network

    def _coarse_and_refined(self, planes: torch.Tensor) -> list[torch.Tensor]:
        """Return the coarse alpha and the refined one, or the coarse one alone without refinement."""
        coarse = super().estimate(planes)
        return [coarse] if self.refinement is None else [coarse, coarse + self.refinement(coarse)]


class NormalizedHead(nn.Conv2d):
    """The 3 x 3 convolution to the logit of alpha with spectral norm, and a batch norm after it (Fig. S4).

    A weight with one output channel is a matrix of one row, whose largest singular value is its norm.

    Parameters
    ----------
    channels : int

    Shapes
    ------
    x : (B, channels, H, W)
    logit : (B, 1, H, W)
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, 1, 3, padding=1)
        nn.init.xavier_uniform_(self.weight)
        self.norm = nn.BatchNorm2d(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logit."""
        weight = self.weight / torch.linalg.vector_norm(self.weight).clamp(min=torch.finfo(self.weight.dtype).tiny)
        return self.norm(conv2d(x, weight, self.bias, padding=1))


class NonlocalAttention(nn.Module):
    """Light-weight nonlocal attention: adds to each place a mean of features, weighted by the similarity of places.

    Let x be the features and e a 1 x 1 convolution of x to half of its d channels. A depthwise 4 x 4 convolution of
    stride 4 reduces e to the keys e', and x' is the mean of x over each 4 x 4 square. Position p becomes
    ``x_p + W sum_q softmax_q(s(p) e_p . e'_q / sqrt(d / 2)) x'_q``, where W is a 1 x 1 convolution with batch norm.

    Let U and K be the shares of unknown and known positions. An unknown position has the factor ``s = sqrt(U / K)``, a
    known one ``s = sqrt(K / U)``; both are clipped to [0.1, 10]. Without a trimap s is 1.

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
    128 channels give 25,984 parameters, as in the paper's Table 6: 8,256 of e, 1,088 of the depthwise convolution and
    16,640 of W. This leaves no parameters for the reduction of the features x to x', hence the mean.

    The weights of an image are h w x h w / 16 float32. For 512 x 512 pixels the features have 64 x 64 positions, and
    the weights take 4 MiB.

    References
    ----------
    .. [1] Y. Zhou, L. Zhou, T. L. Lam, Y. Xu. Semantic-guided automatic natural image matting with light-weight
       non-local attention. Eq. 2-5, Fig. 3.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.embed = nn.Conv2d(channels, half, 1)
        self.shrink = nn.Conv2d(half, half, STRIDE, STRIDE, groups=half)
        mix, norm = nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels)
        self.mix = nn.Sequential(mix, norm)
        initialize_attention(self.embed, mix, norm)

    def forward(self, features: torch.Tensor, is_unknown: torch.Tensor | None = None) -> torch.Tensor:
        """Return the features with the features of similar places added."""
        with torch.autocast(features.device.type, enabled=False):
            x = promote(features)
            weights = dropout(self.weights(x, is_unknown), DROPOUT, self.training)
            attended = (avg_pool2d(x, STRIDE).flatten(2) @ weights.mT).view(x.shape)
        return features + self.mix(attended.to(features.dtype))

    def weights(self, features: torch.Tensor, is_unknown: torch.Tensor | None = None) -> torch.Tensor:
        """Return the weights of the 4 x 4 squares for each position, (B, h w, h w / 16), rows summing to 1."""
        embedded = self.embed(features)
        keys, queries = self.shrink(embedded).flatten(2), embedded.flatten(2)
        if is_unknown is not None:
            flat = is_unknown.flatten(2)
            queries = queries * region_factors(flat, flat.to(queries.dtype).mean(dim=2, keepdim=True))
        return (queries.mT @ keys / keys.shape[1] ** 0.5).softmax(dim=-1)


class Refinement(nn.Module):
    """A small U-Net from a coarse alpha to the correction that is added to it (Fig. S8).

    Parameters
    ----------
    channels : int

    Shapes
    ------
    alpha : (B, 1, H, W), H and W multiples of 16
    residual : (B, 1, H, W)
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(1, 1, 3, padding=1)
        self.down = nn.ModuleList(_convolution(channels if k else 1, channels) for k in range(4))
        self.bottom = _convolution(channels, channels)
        self.up = nn.ModuleList(_convolution(2 * channels, channels) for _ in range(4))
        self.head = nn.Conv2d(channels, 1, 3, padding=1)

    def forward(self, alpha: torch.Tensor) -> torch.Tensor:
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


def _convolution(n_in: int, n_out: int) -> nn.Sequential:
    """Return a 3 x 3 convolution, batch norm and ReLU that keep height and width."""
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))
