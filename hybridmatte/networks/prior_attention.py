"""The encoder of MatteFormer: Swin blocks whose windows also attend to the mean tokens of the trimap's regions."""

import torch
from timm.layers import DropPath, Mlp
from timm.models.swin_transformer import PatchMerging, get_relative_position_index
from torch import nn
from torch.nn.functional import pad

__all__ = ["PriorAttention", "PriorBlock", "PriorEncoder", "cut_windows", "join_windows", "region_means",
           "separated_pairs"]

PATCH = 4  # pixels on a side of a token of the first stage
WINDOW = 7  # tokens on a side of a window
N_REGIONS = 3  # unknown, background, foreground


class PriorEncoder(nn.Module):
    """Patch embedding and stages of Swin blocks with prior tokens.

    Parameters
    ----------
    n_planes : int
        Channels of the input.
    channels : int
        Of the patch embedding; each later stage has twice as many as the one before.
    depths, heads : sequences of int
        Blocks and attention heads of each stage.
    drop_path : float
        Rate of stochastic depth at the last block; it rises linearly from 0 at the first.

    Shapes
    ------
    planes : (B, n_planes, H, W), H and W multiples of 4 * 2**(stages - 1)
    regions : (B, 3, H, W) bool, unknown, background and foreground
    features : list of (B, C, H', W'), the patch embedding, then what each stage gives, normalised; strides 4, 4, 8, ...
    """

    def __init__(self, n_planes, channels, depths, heads, drop_path):
        super().__init__()
        self.embedding = nn.Conv2d(n_planes, channels, PATCH, PATCH)
        self.norm = nn.LayerNorm(channels)
        rates = iter(torch.linspace(0, drop_path, sum(depths)).tolist())
        self.stages = nn.ModuleList(
            _Stage(channels << k, n_heads, [next(rates) for _ in range(depth)], merges=k > 0)
            for k, (depth, n_heads) in enumerate(zip(depths, heads, strict=True)))
        self.apply(_initialise)

    def forward(self, planes, regions):
        """Return the features, finest first."""
        tokens = self.norm(self.embedding(planes).permute(0, 2, 3, 1))
        regions = regions[:, :, ::PATCH, ::PATCH]
        features = [tokens]
        for stage in self.stages:
            tokens = stage(tokens, regions)
            features.append(stage.norm(tokens))
            regions = regions[:, :, ::2, ::2]
        return [feature.permute(0, 3, 1, 2) for feature in features]


class _Stage(nn.Module):
    """Blocks at one resolution, which share a memory of prior tokens; `norm` is for what leaves the encoder."""

    def __init__(self, channels, heads, rates, *, merges):
        super().__init__()
        self.merging = PatchMerging(channels // 2, channels) if merges else nn.Identity()
        self.blocks = nn.ModuleList(PriorBlock(channels, heads, k, rate) for k, rate in enumerate(rates))
        self.norm = nn.LayerNorm(channels)

    def forward(self, tokens, regions):
        tokens, memory = self.merging(tokens), None
        is_apart = separated_pairs(*tokens.shape[1:3], tokens.device)
        for block in self.blocks:
            tokens, memory = block(tokens, memory, regions, is_apart)
        return tokens


class PriorBlock(nn.Module):
    """Prior-attentive Swin transformer block.

    The mean tokens of the three regions join the memory; every window attends to itself and to the whole memory. Each
    token of the memory goes through the block too: what it gives to attention (its value) and the perceptron are added
    to it. Windows are shifted by 3 tokens in every second block.

    Parameters
    ----------
    channels, heads : int
    index : int
        Of the block in its stage, from 0; it attends to 49 + 3 (index + 1) tokens.
    drop_path : float
        Rate of stochastic depth, in [0, 1).

    Shapes
    ------
    tokens : (B, H, W, C); returned in the same shape
    memory : (B, 3 index, C), None in the first block; returned as (B, 3 (index + 1), C), oldest first
    regions : (B, 3, H, W) bool
    is_apart : (n, 49, 49) bool, what `separated_pairs` says
    """

    def __init__(self, channels, heads, index, drop_path=0.0):
        super().__init__()
        self.shift = WINDOW // 2 if index % 2 else 0
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = PriorAttention(channels, heads, N_REGIONS * (index + 1))
        self.mlp = Mlp(channels, 4 * channels)
        self.drop_path = DropPath(drop_path)

    def forward(self, tokens, memory, regions, is_apart):
        """Return the tokens and the memory of the next block."""
        means = region_means(tokens, regions)
        memory = means if memory is None else torch.cat([memory, means], dim=1)
        is_empty = ~regions.flatten(2).any(dim=2).repeat(1, memory.shape[1] // N_REGIONS)
        windows, given = self.attention(cut_windows(self.norm1(tokens), self.shift), self.norm1(memory), is_empty,
                                        is_apart if self.shift else None)
        tokens = tokens + self.drop_path(join_windows(windows, *tokens.shape[1:3], self.shift))
        memory = memory + self.drop_path(given)
        return tuple(x + self.drop_path(self.mlp(self.norm2(x))) for x in (tokens, memory))


class PriorAttention(nn.Module):
    """Attention of the tokens of each window to themselves and to prior tokens that all windows share.

    Parameters
    ----------
    channels, heads : int
    n_priors : int

    Shapes
    ------
    windows : (B, n, 49, C); returned in the same shape
    priors : (B, n_priors, C); what they give, projected, is returned in the same shape
    is_empty : (B, n_priors) bool, the priors that get no weight
    is_apart : (n, 49, 49) bool or None, the pairs in a window that do not see each other
    """

    def __init__(self, channels, heads, n_priors):
        super().__init__()
        self.heads, self.scale = heads, (channels // heads) ** -0.5
        self.qkv = nn.Linear(channels, 3 * channels)
        self.projection = nn.Linear(channels, channels)
        self.softmax = nn.Softmax(dim=-1)
        self.position_bias = nn.Parameter(torch.empty((2 * WINDOW - 1) ** 2, heads))
        self.prior_bias = nn.Parameter(torch.empty(n_priors, heads))
        for bias in (self.position_bias, self.prior_bias):
            nn.init.trunc_normal_(bias, std=0.02)
        self.register_buffer("position", get_relative_position_index(WINDOW, WINDOW), persistent=False)

    def forward(self, windows, priors, is_empty, is_apart=None):
        """Return the windows and what the priors give."""
        query, key, value = self._split(windows)
        _, prior_key, prior_value = self._split(priors[:, None])
        query = query * self.scale
        near = query @ key.transpose(-2, -1) + self.position_bias[self.position].permute(2, 0, 1)
        if is_apart is not None:
            near = near.masked_fill(is_apart[:, None], float("-inf"))
        far = query @ prior_key.transpose(-2, -1) + self.prior_bias.T[:, None]
        far = far.masked_fill(is_empty[:, None, None, None], float("-inf"))
        weights = self.softmax(torch.cat([near, far], dim=-1))
        near, far = weights.split([near.shape[-1], far.shape[-1]], dim=-1)
        mixed = near @ value + far @ prior_value
        windows, priors = (self.projection(x.transpose(2, 3).flatten(3)) for x in (mixed, prior_value))
        return windows, priors[:, 0]

    def _split(self, tokens):
        """Return query, key and value, each (B, n, heads, T, C / heads), of tokens (B, n, T, C)."""
        return self.qkv(tokens).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5).unbind(0)


def region_means(tokens, regions):
    """Return the mean token of each region, 0 where it is empty.

    Parameters
    ----------
    tokens : (B, H, W, C) tensor
    regions : (B, R, H, W) bool tensor

    Returns
    -------
    means : (B, R, C) tensor
    """
    weights = regions.flatten(2).to(tokens.dtype)
    return weights / weights.sum(dim=2, keepdim=True).clamp(min=1) @ tokens.flatten(1, 2)


def cut_windows(tokens, shift):
    """Return the windows (B, n, 49, C) of tokens (B, H, W, C) moved up and left by `shift`; padding is 0."""
    height, width = tokens.shape[1:3]
    down, across = (_n_windows(side) for side in (height, width))
    tokens = pad(tokens, (0, 0, 0, WINDOW * across - width, 0, WINDOW * down - height))
    if shift:
        tokens = tokens.roll((-shift, -shift), (1, 2))
    blocks = tokens.unflatten(2, (across, WINDOW)).unflatten(1, (down, WINDOW))
    return blocks.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def join_windows(windows, height, width, shift):
    """Return the tokens (B, height, width, C) that `cut_windows` cut."""
    down, across = (_n_windows(side) for side in (height, width))
    blocks = windows.unflatten(1, (down, across)).unflatten(3, (WINDOW, WINDOW))
    tokens = blocks.transpose(2, 3).flatten(3, 4).flatten(1, 2)
    if shift:
        tokens = tokens.roll((shift, shift), (1, 2))
    return tokens[:, :height, :width]


def _n_windows(side):
    """Return the number of windows along a side; written so that the ONNX exporter soon sees through it."""
    return (side + WINDOW - 1) // WINDOW


def separated_pairs(height, width, device=None):
    """Return the pairs of tokens, (n, 49, 49) bool, that only the shift's wrapping around brought into one window."""
    rows, columns = (_bands(WINDOW * _n_windows(side), device) for side in (height, width))
    windows = cut_windows((3 * rows[:, None] + columns)[None, :, :, None], 0)[0, :, :, 0]
    return windows[:, None] != windows[:, :, None]


def _bands(side, device):
    """Return 0 for a row before the last window, 1 for one in it, 2 for one that came from the other end."""
    place = torch.arange(side, device=device)
    return (place >= side - WINDOW).long() + (place >= side - WINDOW // 2).long()


def _initialise(module):
    """Draw linear layers as Swin does."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
