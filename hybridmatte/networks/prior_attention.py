"""The encoder of MatteFormer: Swin blocks whose windows also attend to the mean tokens of the trimap's regions."""

from collections.abc import Sequence

import torch
from timm.layers.drop import DropPath
from timm.layers.mlp import Mlp
from timm.models.swin_transformer import PatchMerging, get_relative_position_index
from torch import nn
from torch.nn.functional import pad

__all__ = [
    "PriorAttention",
    "PriorBlock",
    "PriorEncoder",
    "cut_windows",
    "join_windows",
    "region_means",
    "separated_pairs",
]

PATCH = 4  # side of a token of the first stage, in pixels
WINDOW = 7  # side of a window, in tokens
N_REGIONS = 3  # unknown, background, foreground


class PriorEncoder(nn.Module):
    """Patch embedding and stages of Swin blocks with prior tokens.

    Parameters
    ----------
    n_planes : int
        Channels of the input.
    channels : int
        Channels of the patch embedding; each later stage has twice as many as the stage before.
    depths, heads : sequences of int
        Blocks and attention heads of each stage.
    drop_path : float
        Rate of stochastic depth at the last block; it rises linearly from 0 at the first block.

    Shapes
    ------
    planes : (B, n_planes, H, W), H and W multiples of 4 * 2**(stages - 1)
    regions : (B, 3, H, W), boolean, unknown, background and foreground
    features : list of (B, C, h, w), the patch embedding, then the normalised tokens of each stage; strides 4, 4, 8, ...
    """

    def __init__(
        self, n_planes: int, channels: int, depths: Sequence[int], heads: Sequence[int], drop_path: float
    ) -> None:
        super().__init__()
        self.depths = list(depths)
        self.embedding = nn.Conv2d(n_planes, channels, PATCH, PATCH)
        self.norm = nn.LayerNorm(channels)
        rates = iter(torch.linspace(0, drop_path, sum(depths)).tolist())
        self.stages = nn.ModuleList(
            _Stage(channels << k, n_heads, [next(rates) for _ in range(depth)], merges=k > 0)
            for k, (depth, n_heads) in enumerate(zip(depths, heads, strict=True))
        )
        self.apply(_initialise)

    def forward(self, planes: torch.Tensor, regions: torch.Tensor) -> list[torch.Tensor]:
        """Return the features, finest first."""
        tokens = self.norm(self.embedding(planes).permute(0, 2, 3, 1))
        regions = regions[:, :, ::PATCH, ::PATCH]
        features = [tokens]
        for stage in self.stages:
            tokens, normalized = stage(tokens, regions)
            features.append(normalized)
            regions = regions[:, :, ::2, ::2]
        return [feature.permute(0, 3, 1, 2) for feature in features]


class _Stage(nn.Module):
    """Blocks at one resolution, which share a memory of prior tokens.

    Shapes
    ------
    tokens : (B, h, w, channels), or (B, 2 h, 2 w, channels / 2) if the stage merges tokens
    regions : (B, 3, h, w), boolean
    result : two of (B, h, w, channels): the tokens of the last block, and the same normalised
    """

    def __init__(self, channels: int, heads: int, rates: Sequence[float], *, merges: bool) -> None:
        super().__init__()
        self.merging = PatchMerging(channels // 2, channels) if merges else nn.Identity()
        self.blocks = nn.ModuleList(PriorBlock(channels, heads, k, rate) for k, rate in enumerate(rates))
        self.norm = nn.LayerNorm(channels)

    def forward(self, tokens: torch.Tensor, regions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        tokens, memory = self.merging(tokens), None
        is_apart = separated_pairs(tokens.shape[1], tokens.shape[2], tokens.device)
        for block in self.blocks:
            tokens, memory = block(tokens, memory, regions, is_apart)
        return tokens, self.norm(tokens)


class PriorBlock(nn.Module):
    """Swin transformer block whose windows also attend to prior tokens.

    The mean tokens of the three regions are appended to the memory. Every window attends to its own tokens and to the
    whole memory. The tokens of the memory pass through the block too: their attention values and the output of the
    perceptron are added to them. Windows are shifted by 3 tokens in every second block.

    Parameters
    ----------
    channels, heads : int
    index : int
        Index of the block in its stage, from 0; a window attends to 49 + 3 (index + 1) tokens.
    drop_path : float
        Rate of stochastic depth, in [0, 1).

    Shapes
    ------
    tokens : (B, H, W, C); the result has the same shape
    memory : (B, 3 index, C), None in the first block; the result is (B, 3 (index + 1), C), oldest tokens first
    regions : (B, 3, H, W), boolean
    is_apart : (n, 49, 49), boolean, the result of `separated_pairs`; not used if the windows are not shifted
    """

    def __init__(self, channels: int, heads: int, index: int, drop_path: float = 0.0) -> None:
        super().__init__()
        self.shift = WINDOW // 2 if index % 2 else 0
        self.norm1, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention = PriorAttention(channels, heads, N_REGIONS * (index + 1))
        self.mlp = Mlp(channels, 4 * channels)
        self.drop_path = DropPath(drop_path)

    def forward(
        self, tokens: torch.Tensor, memory: torch.Tensor | None, regions: torch.Tensor, is_apart: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the tokens and the memory for the next block."""
        means = region_means(tokens, regions)
        memory = means if memory is None else torch.cat([memory, means], dim=1)
        is_empty = ~regions.flatten(2).any(dim=2).repeat(1, memory.shape[1] // N_REGIONS)
        windows, values = self.attention(
            cut_windows(self.norm1(tokens), self.shift), self.norm1(memory), is_empty, is_apart if self.shift else None
        )
        height, width = tokens.shape[1:3]
        tokens = tokens + self.drop_path(join_windows(windows, height, width, self.shift))
        memory = memory + self.drop_path(values)
        tokens = tokens + self.drop_path(self.mlp(self.norm2(tokens)))
        return tokens, memory + self.drop_path(self.mlp(self.norm2(memory)))


class PriorAttention(nn.Module):
    """Attention of the tokens of each window to each other and to prior tokens that all windows share.

    Parameters
    ----------
    channels, heads : int
    n_priors : int

    Shapes
    ------
    windows : (B, n, 49, C); the result has the same shape
    priors : (B, n_priors, C); the second result, their projected values, has the same shape
    is_empty : (B, n_priors), boolean, the priors that get no weight
    is_apart : (n, 49, 49), boolean, the pairs in a window that do not attend to each other; or None
    """

    position: torch.Tensor

    def __init__(self, channels: int, heads: int, n_priors: int) -> None:
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

    def forward(
        self, windows: torch.Tensor, priors: torch.Tensor, is_empty: torch.Tensor, is_apart: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the windows and the projected values of the priors."""
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
        windows, values = (self.projection(x.transpose(2, 3).flatten(3)) for x in (mixed, prior_value))
        return windows, values[:, 0]

    def _split(self, tokens: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return query, key and value, each (B, n, heads, T, C / heads), of tokens (B, n, T, C)."""
        return self.qkv(tokens).unflatten(-1, (3, self.heads, -1)).permute(3, 0, 1, 4, 2, 5).unbind(0)


def region_means(tokens: torch.Tensor, regions: torch.Tensor) -> torch.Tensor:
    """Return the mean token of each region, 0 for an empty region.

    Parameters
    ----------
    tokens : (B, H, W, C) tensor
    regions : (B, R, H, W) boolean tensor

    Returns
    -------
    means : (B, R, C) tensor
    """
    weights = regions.flatten(2).to(tokens.dtype)
    return weights / weights.sum(dim=2, keepdim=True).clamp(min=1) @ tokens.flatten(1, 2)


def cut_windows(tokens: torch.Tensor, shift: int) -> torch.Tensor:
    """Return the windows (B, n, 49, C) of tokens (B, H, W, C), padded by 0 and rolled up and left by `shift`."""
    height, width = tokens.shape[1:3]
    n_rows, n_columns = (_n_windows(side) for side in (height, width))
    tokens = pad(tokens, (0, 0, 0, WINDOW * n_columns - width, 0, WINDOW * n_rows - height))
    if shift:
        tokens = tokens.roll((-shift, -shift), (1, 2))
    blocks = tokens.unflatten(2, (n_columns, WINDOW)).unflatten(1, (n_rows, WINDOW))
    return blocks.transpose(2, 3).flatten(3, 4).flatten(1, 2)


def join_windows(windows: torch.Tensor, height: int, width: int, shift: int) -> torch.Tensor:
    """Return the tokens (B, height, width, C) whose windows `cut_windows` returned."""
    n_rows, n_columns = (_n_windows(side) for side in (height, width))
    blocks = windows.unflatten(1, (n_rows, n_columns)).unflatten(3, (WINDOW, WINDOW))
    tokens = blocks.transpose(2, 3).flatten(3, 4).flatten(1, 2)
    if shift:
        tokens = tokens.roll((shift, shift), (1, 2))
    return tokens[:, :height, :width]


def _n_windows(side: int) -> int:
    """Return the number of windows along a side; the ONNX exporter simplifies this form of the division quickly."""
    return (side + WINDOW - 1) // WINDOW


def separated_pairs(height: int, width: int, device: torch.device | None = None) -> torch.Tensor:
    """Return the pairs of tokens, (n, 49, 49) boolean, that share a window only because the shift wraps around."""
    rows, columns = (_bands(WINDOW * _n_windows(side), device) for side in (height, width))
    windows = cut_windows((3 * rows[:, None] + columns)[None, :, :, None], 0)[0, :, :, 0]
    return windows[:, None] != windows[:, :, None]


def _bands(side: int, device: torch.device | None) -> torch.Tensor:
    """Return 0 for the rows before the last window, 1 in the last window, 2 for those wrapped from the other end."""
    place = torch.arange(side, device=device)
    return (place >= side - WINDOW).long() + (place >= side - WINDOW // 2).long()


def _initialise(module: nn.Module) -> None:
    """Draw the weights of a linear layer as Swin does."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
