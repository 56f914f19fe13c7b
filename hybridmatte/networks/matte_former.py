"""MatteFormer: a Swin transformer that attends to the trimap's regions, and a decoder that refines in three steps."""

import re
from collections.abc import Sequence
from os import PathLike
from typing import Any, Literal, NamedTuple

import torch
from torch import nn
from torch.nn.functional import conv2d, interpolate
from torch.nn.utils.parametrizations import spectral_norm

from hybridmatte._validation import check_choice
from hybridmatte._validation_torch import promote, split_planes
from hybridmatte.networks.network import CARD, MattingNetwork, TrimapOption, count_planes
from hybridmatte.networks.prior_attention import PriorEncoder
from hybridmatte.networks.saved_network import SavedNetwork
from hybridmatte.networks.transformer_weights import load_swin, timm_tensors

__all__ = ["MattingFormer", "matteformer"]

SIZES: dict[str, dict[str, Any]] = {  # arguments of MattingFormer
    "swin_tiny": {},
    "tiny": {
        "channels": 16,
        "depths": (2, 2, 2, 2),
        "heads": (1, 2, 4, 8),
        "decoder": (48, 40, 32, 24, 16),
        "drop_path": 0.0,
    },
}
SWIN = "swin_tiny_patch4_window7_224"  # of timm
DECODER_BLOCKS = (2, 3, 3, 2)  # residual blocks at 1/16, 1/8, 1/4 and 1/2
CERTAIN = 1 / 255  # an alpha closer than this to 0 or 1 needs no refinement
DILATION_DIAMETERS = (15, 7)  # pixels; the uncertain pixels of the alpha at 1/8 and at 1/4 are dilated by these disks
SIDE_WEIGHTS = (0.5, 0.25, 0.25)  # of the losses at 1/1, 1/4 and 1/8, as in mask-guided matting


class SideOutputs(NamedTuple):
    """The alphas (B, 1, H, W) of the decoder's heads at 1/1, 1/4 and 1/8 of the resolution, at the image's size."""

    os1: torch.Tensor
    os4: torch.Tensor
    os8: torch.Tensor


def matteformer(
    size: Literal["swin_tiny", "tiny"] = "swin_tiny",
    *,
    trimap: TrimapOption = "one-hot",
    pretrained: bool | str | PathLike[str] = False,
) -> "MattingFormer":
    """Make a `MattingFormer` with random weights.

    Parameters
    ----------
    size : {"swin_tiny", "tiny"}, default "swin_tiny"
        44.8 million parameters as published, or 1.0 million of the same structure, which can be trained on two CPU
        cores.
    trimap : {"one-hot", True}, default "one-hot"
        Whether the network takes the trimap one-hot as three planes, as published, or as the fourth plane.
    pretrained : bool, str or path, default False
        Start the encoder from timm's ImageNet weights of Swin, which are downloaded, for "swin_tiny"; or from a local
        file, or an installed package, of weights of timm's or of the authors' Swin with windows of 7 tokens, see
        `hybridmatte.networks.transformer_weights.load_swin`.

    Returns
    -------
    network : MattingFormer

    Raises
    ------
    ValueError
        If there is no such size, trimap is False, or the weights do not fit.
    FileNotFoundError
        If pretrained names neither a file nor a package.

    References
    ----------
    .. [1] G. Park, S. Son, J. Yoo, S. Kim, N. Kwak. MatteFormer: Transformer-based image matting via prior-tokens.
       CVPR 2022.

    Examples
    --------
    >>> import torch
    >>> network = matteformer("tiny").eval()
    >>> network(torch.rand(1, 3, 40, 50), torch.rand(1, 1, 40, 50)).shape
    torch.Size([1, 1, 40, 50])
    """
    network = MattingFormer(trimap=trimap, **SIZES[check_choice(size, "size", tuple(SIZES))])
    if pretrained is not False:
        if pretrained is True and size != "swin_tiny":
            raise ValueError(f"size is {size!r}, expected 'swin_tiny' with weights of timm")
        load_swin(network.encoder, timm_tensors(SWIN) if pretrained is True else pretrained)
    return network


class MattingFormer(MattingNetwork, SavedNetwork, library_name="hybridmatte", license="mit", model_card_template=CARD):
    """A Swin transformer with prior tokens and a progressively refining decoder; see `matteformer`.

    Parameters
    ----------
    network : {"matteformer"}
        Written to config.json, where it identifies the class.
    channels : int
        Channels of the patch embedding; each later stage has twice as many as the stage before.
    depths, heads : sequences of four int
        Blocks and attention heads of each stage.
    decoder : sequence of five int
        Channels of the decoder at 1/32, 1/16, 1/8 and 1/4; the last number is that of 1/2 and 1/1.
    drop_path : float
        Rate of stochastic depth at the last block, in [0, 1).
    trimap : {"one-hot", True}

    Shapes
    ------
    image : (B, 3, H, W), RGB in [0, 1]
    trimap : (B, 1, H, W)
    alpha : (B, 1, H, W), in [0, 1]

    Notes
    -----
    Differences from the paper and its released code:

    * A region without a pixel on the grid of a stage gets no attention. There its token is 0 before the normalisation
      and gets some.
    * The uncertain pixels are dilated on the grid of the image. There they are dilated on a grid of 640 x 640 pixels.
    * In training the loss applies to all three heads on all its pixels. There, after some epochs, it applies to the
      finer heads only where the coarser alpha is uncertain, dilated by a random width.

    Windows are padded by tokens of 0 after the normalisation, and these tokens are attended to, as in Swin for dense
    prediction.
    """

    config_kind = "matteformer"
    has_side_alphas = True

    def __init__(
        self,
        *,
        network: Literal["matteformer"] = "matteformer",
        channels: int = 96,
        depths: Sequence[int] = (2, 2, 6, 2),
        heads: Sequence[int] = (3, 6, 12, 24),
        decoder: Sequence[int] = (512, 256, 128, 64, 32),
        drop_path: float = 0.3,
        trimap: TrimapOption = "one-hot",
    ) -> None:
        super().__init__()
        check_choice(network, "network", ("matteformer",))
        self.trimap_planes = count_planes(trimap)
        if not self.trimap_planes:
            raise ValueError("trimap is False, expected 'one-hot' or True: the prior tokens are means over its regions")
        planes = 3 + self.trimap_planes
        self.encoder = PriorEncoder(planes, channels, depths, heads, drop_path)
        inputs = [planes, channels, *(channels << k for k in range(4))]
        outputs = [decoder[-1], *reversed(decoder)]
        self.shortcuts = nn.ModuleList(_shortcut(*pair) for pair in zip(inputs, outputs, strict=True))
        self.decoder = _Decoder(decoder)
        self.to(memory_format=torch.channels_last)  # makes convolutions of few channels a third faster

    def estimate(self, planes: torch.Tensor) -> torch.Tensor:
        """Return alpha of the planes that `prepared` returns: the coarsest alpha where it is certain, else a finer one.

        Where the coarser alpha is uncertain, the result has no gradient to it. Training therefore uses
        `weighted_alphas`, with a loss on each head.
        """
        alpha, *finer = reversed(self.side_outputs(planes))
        for side, diameter in zip(finer, DILATION_DIAMETERS, strict=True):
            alpha = torch.where(_is_uncertain(alpha.detach(), diameter), side, alpha)
        return alpha

    def weighted_alphas(
        self, image: torch.Tensor, trimap: torch.Tensor | None = None
    ) -> list[tuple[float, torch.Tensor]]:
        """Return the alphas of the three heads with the weights of their losses."""
        sides = self.side_outputs(self.prepared(image, trimap))
        height, width = image.shape[2:]
        return [(weight, side[:, :, :height, :width]) for weight, side in zip(SIDE_WEIGHTS, sides, strict=True)]

    def side_outputs(self, planes: torch.Tensor) -> SideOutputs:
        """Return the alphas of the three heads, enlarged to the size of the image.

        Parameters
        ----------
        planes : (B, 4 or 6, H, W) tensor
            Result of `prepared`; H and W are multiples of 32.

        Returns
        -------
        os1, os4, os8 : (B, 1, H, W) tensors, in [0, 1]
        """
        embedding, *stages = self.encoder(planes, self._regions(planes))
        half = interpolate(embedding, scale_factor=2, mode="bilinear", align_corners=True)
        sources = [planes, half, *stages]
        return self.decoder([shortcut(x) for shortcut, x in zip(self.shortcuts, sources, strict=True)])

    def layer_depths(self) -> dict[str, int]:
        """Return the depth of each parameter: 0 for the embedding, k + 1 for block k, the largest for the decoder."""
        counts = self.encoder.depths
        depths = {}
        for name, _ in self.named_parameters():
            found = re.match(r"encoder\.stages\.(\d+)\.(?:blocks\.(\d+)|merging)\.", name)
            depths[name] = 0 if name.startswith(("encoder.embedding.", "encoder.norm.")) else sum(counts) + 1
            if found:
                depths[name] = sum(counts[: int(found[1])]) + int(found[2] or 0) + 1
        return depths

    def _regions(self, planes: torch.Tensor) -> torch.Tensor:
        """Return the unknown, background and foreground pixels, (B, 3, H, W) bool."""
        if self.trimap_planes == 3:
            return planes[:, [4, 3, 5]] > 0.5
        is_foreground, is_background, is_unknown = split_planes(planes[:, 3:])
        return torch.cat([is_unknown, is_background, is_foreground], dim=1)


class _Decoder(nn.Module):
    """Residual blocks up to full resolution with additive shortcuts, and heads at 1/8, 1/4 and 1/1.

    Shapes
    ------
    shortcuts : list of six (B, C, h, w), at 1/1, 1/2, 1/4, 1/8, 1/16 and 1/32 of the resolution
    sides : `SideOutputs` of (B, 1, H, W), in [0, 1]
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(_Residual(n_in, n_out, upsamples=True), *(_Residual(n_out, n_out) for _ in range(n - 1)))
            for n, n_in, n_out in zip(DECODER_BLOCKS, widths[:-1], widths[1:], strict=True)
        )
        last = widths[-1]
        self.last = nn.Sequential(
            _with_spectral_norm(nn.ConvTranspose2d(last, last, 4, 2, 1, bias=False)),
            nn.BatchNorm2d(last),
            nn.LeakyReLU(0.2, inplace=True),
        )
        self.head1, self.head4, self.head8 = (_head(n_in, last) for n_in in (last, widths[3], widths[2]))

    def forward(self, shortcuts: list[torch.Tensor]) -> SideOutputs:
        """Return the alphas of the three heads."""
        full, half, quarter, eighth, sixteenth, x = shortcuts
        x = self.stages[0](x) + sixteenth
        x = self.stages[1](x) + eighth
        logit8 = self.head8(x)
        x = self.stages[2](x) + quarter
        logit4 = self.head4(x)
        x = self.stages[3](x) + half
        logit1 = self.head1(self.last(x) + full)
        return SideOutputs(_alpha_of(logit1, 1), _alpha_of(logit4, 4), _alpha_of(logit8, 8))


class _Residual(nn.Module):
    """Two convolutions, of which the first may double the resolution, beside a shortcut.

    Shapes
    ------
    x : (B, n_in, h, w)
    result : (B, n_out, h, w), or (B, n_out, 2 h, 2 w) if the block upsamples
    """

    def __init__(self, n_in: int, n_out: int, *, upsamples: bool = False) -> None:
        super().__init__()
        first = nn.ConvTranspose2d(n_in, n_in, 4, 2, 1, bias=False) if upsamples else _convolution(n_in, n_in)
        last_norm = nn.BatchNorm2d(n_out)
        self.path = nn.Sequential(
            _with_spectral_norm(first),
            nn.BatchNorm2d(n_in),
            nn.LeakyReLU(0.2, inplace=True),
            _with_spectral_norm(_convolution(n_in, n_out)),
            last_norm,
        )
        nn.init.zeros_(last_norm.weight)  # the block starts as its shortcut
        # a 1 x 1 convolution commutes with the upsampling, and is cheaper before it
        self.around = (
            nn.Sequential(
                _with_spectral_norm(_convolution(n_in, n_out, 1)), nn.BatchNorm2d(n_out), nn.Upsample(scale_factor=2)
            )
            if upsamples
            else nn.Identity()
        )
        self.activation = nn.LeakyReLU(0.2, inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.path(x) + self.around(x))


def _shortcut(n_in: int, n_out: int) -> nn.Sequential:
    """Return the layers between features of the encoder and the decoder."""
    return nn.Sequential(
        _with_spectral_norm(_convolution(n_in, n_out)),
        nn.ReLU(inplace=True),
        nn.BatchNorm2d(n_out),
        _with_spectral_norm(_convolution(n_out, n_out)),
        nn.ReLU(inplace=True),
        nn.BatchNorm2d(n_out),
    )


def _head(n_in: int, n_between: int) -> nn.Sequential:
    """Return the layers from features of the decoder to the logit of alpha."""
    first, last = _convolution(n_in, n_between), nn.Conv2d(n_between, 1, 3, padding=1)
    layers = nn.Sequential(first, nn.BatchNorm2d(n_between), nn.LeakyReLU(0.2, inplace=True), last)
    for convolution in (first, last):
        nn.init.xavier_uniform_(convolution.weight)
    return layers


def _convolution(n_in: int, n_out: int, size: int = 3) -> nn.Conv2d:
    """Return a convolution without bias that keeps height and width."""
    return nn.Conv2d(n_in, n_out, size, padding=size // 2, bias=False)


def _with_spectral_norm(convolution: nn.Module) -> nn.Module:
    """Return a convolution whose weight, as a matrix with a row for each first index, is divided by its norm."""
    return spectral_norm(convolution, dim=0)


def _alpha_of(logit: torch.Tensor, scale: int) -> torch.Tensor:
    """Return the alpha of a logit, enlarged by a factor."""
    logit = promote(logit)  # tanh in half precision is too coarse near 0 and 1
    if scale > 1:
        logit = interpolate(logit, scale_factor=scale, mode="bilinear", align_corners=False)
    return (torch.tanh(logit) + 1) / 2


def _is_uncertain(alpha: torch.Tensor, diameter: int) -> torch.Tensor:
    """Return the pixels within a disk of that diameter around an alpha that is neither 0 nor 1."""
    is_between = (alpha >= CERTAIN) & (alpha <= 1 - CERTAIN)
    radius = diameter // 2
    offset = torch.arange(-radius, radius + 1, device=alpha.device)
    reach = (radius**2 - offset.square()).to(alpha.dtype).sqrt().round()
    disk = (offset.abs() <= reach[:, None]).to(alpha.dtype)
    return conv2d(is_between.to(alpha.dtype), disk[None, None], padding=radius) > 0.5
