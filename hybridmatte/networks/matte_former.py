"""MatteFormer: a Swin transformer that attends to the trimap's regions, and a decoder that refines in three steps."""

import re

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn
from torch.nn.functional import conv2d, interpolate
from torch.nn.utils.parametrizations import spectral_norm

from hybridmatte._validation import check_choice
from hybridmatte._validation_torch import promote, split_planes
from hybridmatte.networks.network import CARD, MattingNetwork, count_planes
from hybridmatte.networks.prior_attention import PriorEncoder

__all__ = ["MattingFormer", "matteformer"]

SIZES = {
    "swin_tiny": {},  # what MattingFormer takes by itself
    "tiny": {"channels": 16, "depths": (2, 2, 2, 2), "heads": (1, 2, 4, 8), "decoder": (48, 40, 32, 24, 16),
             "drop_path": 0.0},
}
LAYERS = (2, 3, 3, 2)  # residual blocks of the decoder at 1/16, 1/8, 1/4 and 1/2
CERTAIN = 1 / 255  # an alpha nearer than this to 0 or 1 needs no refinement
REFINED = (15, 7)  # pixels, diameters by which what is uncertain at 1/8 and at 1/4 is widened
SIDE_WEIGHTS = (0.5, 0.25, 0.25)  # of the losses at 1/1, 1/4 and 1/8, as in mask-guided matting


def matteformer(size="swin_tiny", *, trimap="one-hot"):
    """Make a `MattingFormer` with random weights.

    Parameters
    ----------
    size : {"swin_tiny", "tiny"}, default "swin_tiny"
        44.8 million parameters as published, or 1.0 million in the same structure, which train on two CPU cores.
    trimap : {"one-hot", True}, default "one-hot"
        Whether the network sees the trimap one-hot as three planes, as published, or as its fourth plane.

    Returns
    -------
    network : MattingFormer

    Raises
    ------
    ValueError
        If there is no such size, or trimap is False.

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
    return MattingFormer(trimap=trimap, **SIZES[check_choice(size, "size", tuple(SIZES))])


class MattingFormer(MattingNetwork, PyTorchModelHubMixin, library_name="hybridmatte", license="mit",
                 model_card_template=CARD):
    """Prior-attentive Swin transformer with a progressively refining decoder; see `matteformer`.

    Parameters
    ----------
    network : str
        Always "matteformer": what ``config.json`` tells the class by.
    channels : int
        Of the patch embedding; each later stage has twice as many as the one before.
    depths, heads : sequences of four int
        Blocks and attention heads of each stage.
    decoder : sequence of five int
        Channels of the decoder at 1/32, 1/16, 1/8, 1/4, and at 1/2 and 1/1.
    drop_path : float
        Rate of stochastic depth at the last block, in [0, 1).
    trimap : {"one-hot", True}

    Notes
    -----
    The paper and the code released with it leave the following. A region without a pixel on a stage's grid gets no
    attention here; there its token is 0 before the normalisation and gets some. What is uncertain is widened on the
    image's own grid, there on one of 640 x 640 pixels. In training all three sides are charged wherever the loss
    counts; there, after some epochs, the finer sides only where the coarser one is uncertain, widened at random.

    Windows are padded by tokens of 0 after the normalisation, which are attended to, as in Swin for dense prediction.
    """

    def __init__(self, *, network="matteformer", channels=96, depths=(2, 2, 6, 2), heads=(3, 6, 12, 24),
                 decoder=(512, 256, 128, 64, 32), drop_path=0.3, trimap="one-hot"):
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
        self.to(memory_format=torch.channels_last)  # convolutions of small channel numbers are then a third faster

    def estimate(self, planes):
        """Return alpha of normalised planes: the coarsest where it is certain, elsewhere refined.

        The weights of the three sides are trained by a loss over `side_outputs`; where the coarser ones are uncertain
        this alpha has no gradient to them.
        """
        alpha, *finer = reversed(self.side_outputs(planes))
        for side, diameter in zip(finer, REFINED, strict=True):
            alpha = torch.where(_is_uncertain(alpha.detach(), diameter), side, alpha)
        return alpha

    def weighted_alphas(self, image, trimap=None):
        """Return the three sides' alphas with the weights they are trained by."""
        sides = self.side_outputs(self.prepared(image, trimap))
        height, width = image.shape[2:]
        return [(weight, side[:, :, :height, :width]) for weight, side in zip(SIDE_WEIGHTS, sides, strict=True)]

    def side_outputs(self, planes):
        """Return the alphas that the decoder sees at 1/1, 1/4 and 1/8 of the resolution, brought to the image's.

        Parameters
        ----------
        planes : (B, 4 or 6, H, W) tensor
            What `join` returns, H and W multiples of 32, as `padded` makes them.

        Returns
        -------
        os1, os4, os8 : (B, 1, H, W) tensors, in [0, 1]
        """
        embedding, *stages = self.encoder(planes, self._regions(planes))
        half = interpolate(embedding, scale_factor=2, mode="bilinear", align_corners=True)
        sources = [planes, half, *stages]
        return self.decoder([shortcut(x) for shortcut, x in zip(self.shortcuts, sources, strict=True)])

    def layer_depths(self):
        """Return 0 for the embedding, k + 1 for block k of the encoder, and the decoder after the last."""
        counts = [len(stage.blocks) for stage in self.encoder.stages]
        depths = {}
        for name, _ in self.named_parameters():
            found = re.match(r"encoder\.stages\.(\d+)\.(?:blocks\.(\d+)|merging)\.", name)
            depths[name] = 0 if name.startswith(("encoder.embedding.", "encoder.norm.")) else sum(counts) + 1
            if found:
                depths[name] = sum(counts[:int(found[1])]) + int(found[2] or 0) + 1
        return depths

    def _regions(self, planes):
        """Return the unknown, background and foreground pixels, (B, 3, H, W) bool."""
        if self.trimap_planes == 3:
            return planes[:, [4, 3, 5]] > 0.5
        is_foreground, is_background, is_unknown = split_planes(planes[:, 3:])
        return torch.cat([is_unknown, is_background, is_foreground], dim=1)


class _Decoder(nn.Module):
    """Residual blocks up to full resolution, joined by shortcuts, with three heads on the way."""

    def __init__(self, widths):
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(_Residual(n_in, n_out, is_up=True), *(_Residual(n_out, n_out) for _ in range(n - 1)))
            for n, n_in, n_out in zip(LAYERS, widths[:-1], widths[1:], strict=True))
        last = widths[-1]
        self.last = nn.Sequential(_normed(nn.ConvTranspose2d(last, last, 4, 2, 1, bias=False)), nn.BatchNorm2d(last),
                                  nn.LeakyReLU(0.2, inplace=True))
        self.head1, self.head4, self.head8 = (_head(n_in, last) for n_in in (last, widths[3], widths[2]))

    def forward(self, shortcuts):
        """Return the alphas (B, 1, H, W) of the three heads, finest first, of shortcuts, finest first."""
        full, half, quarter, eighth, sixteenth, x = shortcuts
        x = self.stages[0](x) + sixteenth
        x = self.stages[1](x) + eighth
        os8 = self.head8(x)
        x = self.stages[2](x) + quarter
        os4 = self.head4(x)
        x = self.stages[3](x) + half
        os1 = self.head1(self.last(x) + full)
        logits = (promote(logit) for logit in (os1, os4, os8))  # tanh of a half is too coarse near 0 and 1
        return tuple((torch.tanh(_enlarged(logit, scale)) + 1) / 2
                     for logit, scale in zip(logits, (1, 4, 8), strict=True))


class _Residual(nn.Module):
    """Two convolutions, the first of which may double the resolution, and a way around them."""

    def __init__(self, n_in, n_out, *, is_up=False):
        super().__init__()
        first = nn.ConvTranspose2d(n_in, n_in, 4, 2, 1, bias=False) if is_up else _convolution(n_in, n_in)
        self.path = nn.Sequential(_normed(first), nn.BatchNorm2d(n_in), nn.LeakyReLU(0.2, inplace=True),
                                  _normed(_convolution(n_in, n_out)), nn.BatchNorm2d(n_out))
        nn.init.zeros_(self.path[-1].weight)  # the block begins as its way around
        # the convolution of one pixel commutes with the enlargement, and is cheaper before it
        self.around = nn.Sequential(_normed(_convolution(n_in, n_out, 1)), nn.BatchNorm2d(n_out),
                                    nn.Upsample(scale_factor=2)) if is_up else nn.Identity()
        self.activation = nn.LeakyReLU(0.2, inplace=True)

    def forward(self, x):
        return self.activation(self.path(x) + self.around(x))


def _shortcut(n_in, n_out):
    return nn.Sequential(_normed(_convolution(n_in, n_out)), nn.ReLU(inplace=True), nn.BatchNorm2d(n_out),
                         _normed(_convolution(n_out, n_out)), nn.ReLU(inplace=True), nn.BatchNorm2d(n_out))


def _head(n_in, n_between):
    layers = nn.Sequential(_convolution(n_in, n_between), nn.BatchNorm2d(n_between), nn.LeakyReLU(0.2, inplace=True),
                           nn.Conv2d(n_between, 1, 3, padding=1))
    for index in (0, 3):
        nn.init.xavier_uniform_(layers[index].weight)
    return layers


def _convolution(n_in, n_out, size=3):
    return nn.Conv2d(n_in, n_out, size, padding=size // 2, bias=False)


def _normed(convolution):
    """Return a convolution whose weights, a row for each first index, are divided by their spectral norm."""
    return spectral_norm(convolution, dim=0)


def _enlarged(logit, scale):
    return interpolate(logit, scale_factor=scale, mode="bilinear", align_corners=False) if scale > 1 else logit


def _is_uncertain(alpha, diameter):
    """Return the pixels within a disk of that diameter around an alpha that is neither 0 nor 1."""
    is_between = (alpha >= CERTAIN) & (alpha <= 1 - CERTAIN)
    radius = diameter // 2
    offset = torch.arange(-radius, radius + 1, device=alpha.device)
    reach = (radius ** 2 - offset.square()).to(alpha.dtype).sqrt().round()
    disk = (offset.abs() <= reach[:, None]).to(alpha.dtype)
    return conv2d(is_between.to(alpha.dtype), disk[None, None], padding=radius) > 0.5
