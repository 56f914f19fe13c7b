"""The residual U-Net that GCA-Matting and Net-M share: encoder, mirrored decoder, spectral normalisation throughout."""

from collections.abc import Iterator, Sequence
from os import PathLike
from typing import Any, Literal, TypeVar

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import remove_parametrizations

from hybridmatte._validation import check_number
from hybridmatte._validation_torch import split_planes
from hybridmatte.networks.encoder_weights import encoder_of, encoder_tensors
from hybridmatte.networks.network import MattingNetwork, TrimapOption, count_planes

__all__ = ["ResidualUNet"]

AnyConvolution = TypeVar("AnyConvolution", nn.Conv2d, nn.ConvTranspose2d)
CHANNELS = (32, 64, 128, 256, 512)  # at width 1, at 1/2, 1/4, ..., 1/32 of the resolution; the first at full resolution
DOWN_BLOCKS, UP_BLOCKS = (3, 4, 4, 2), (2, 3, 3, 2)
SLOPE = 0.2  # of the decoder's activations below 0
CLASSIFIERS = ("resnet34d", "resnet34")  # of timm, which the encoder at width 1 is the beginning of; see `load_encoder`


class ResidualUNet(MattingNetwork):
    """Residual blocks down to 1/32 and up again with additive skip connections; a subclass may add attention at 1/8.

    Parameters
    ----------
    width : float
        Factor of all channel numbers; each is at least 8.
    trimap : {"one-hot", True, False}

    Shapes
    ------
    image : (B, 3, H, W), RGB in [0, 1]
    trimap : (B, 1, H, W); None for a network without trimap
    alpha : (B, 1, H, W), in [0, 1]
    """

    encoder_prefix = ("stem.", "down.")

    def __init__(self, width: float, trimap: TrimapOption) -> None:
        super().__init__()
        check_number(width, "width", above=0)
        self.trimap_planes = count_planes(trimap)
        planes = 3 + self.trimap_planes
        self.channels = channels = [max(8, round(width * count)) for count in CHANNELS]
        self.stem = nn.ModuleList(
            [
                nn.Sequential(*activated(planes, channels[0], stride=2), *activated(channels[0], channels[0])),
                nn.Sequential(*activated(channels[0], channels[1], stride=2)),
            ]
        )
        entering = [channels[1], *channels[1:]]
        self.down = nn.ModuleList(
            _down_stage(entering[k], entering[k + 1], DOWN_BLOCKS[k], stride=1 + (k > 0)) for k in range(4)
        )
        self.skips = nn.ModuleList(
            nn.Sequential(*rectified(n_in, n_out), *rectified(n_out, n_out))
            for n_in, n_out in zip((planes, *channels[:4]), (channels[0], *channels[:4]), strict=True)
        )
        self.up = nn.ModuleList(_up_stage(channels[4 - k], channels[3 - k], count) for k, count in enumerate(UP_BLOCKS))
        self.last = nn.Sequential(
            _upsampling_convolution(channels[0], channels[0]), nn.BatchNorm2d(channels[0]), _leaky_relu()
        )
        self.head = nn.Conv2d(channels[0], 1, 3, padding=1)
        nn.init.xavier_uniform_(self.head.weight)

    def load_encoder(self, source: str | PathLike[str] | Literal[True]) -> None:
        """Start the encoder, at width 1, from weights of timm's resnet34d or resnet34.

        The encoder has the stem, the shortcuts and the channels of resnet34d, and the first 3, 4, 4 and 2 blocks of its
        stages. The stem of resnet34 is another one: with its weights, the stem here stays random. Weights for the
        trimap are 0. Convolutions get the weights before spectral normalisation; in training the batch norms undo the
        division, and their running statistics follow.

        Parameters
        ----------
        source
            As for `hybridmatte.networks.encoder_weights.encoder_tensors`.
        """
        encoder = CLASSIFIERS[0] if source is True else encoder_of(source, CLASSIFIERS)
        layers = dict(self._layers_of(encoder))
        own = {
            f"{prefix}.{name}": tensor
            for prefix, layer in layers.items()
            for name, tensor in _plain_state(layer).items()
        }
        tensors = encoder_tensors(source, encoder, own)
        for prefix, layer in layers.items():
            _set_state(layer, {name: tensors[f"{prefix}.{name}"] for name in _plain_state(layer)})

    def _layers_of(self, classifier: str) -> Iterator[tuple[str, nn.Module]]:
        """Yield the name in a classifier of timm, and the layer, of all that the encoder takes from that classifier."""
        has_own_stem = classifier == "resnet34d"
        if has_own_stem:
            first, second = self.stem
            yield from zip(("conv1.0", "conv1.1", "conv1.3", "conv1.4"), (first[k] for k in (0, 1, 3, 4)), strict=True)
            yield from zip(("conv1.6", "bn1"), second[:2], strict=True)
        for depth, stage in enumerate(self.down, 1):
            for index, block in enumerate(stage):
                prefix = f"layer{depth}.{index}"
                names = [f"{prefix}.{name}" for name in ("conv1", "bn1", "conv2", "bn2")]
                yield from zip(names, (block.layers[k] for k in (0, 1, 3, 4)), strict=True)
                for k, layer in enumerate(list(block.shortcut.children())[1:], int(has_own_stem)):
                    yield f"{prefix}.downsample.{k}", layer

    def estimate(self, planes: torch.Tensor) -> torch.Tensor:
        """Return alpha of the planes that `prepared` returns."""
        context = self.context(planes)
        *sources, x = self._encode(planes, context)
        skips = [skip(source) for skip, source in zip(self.skips, sources, strict=True)]
        for depth, stage in enumerate(self.up):
            x = stage(x) + skips[-1 - depth]
            if depth == 1:
                x = self.attend_decoder(x, context)
        return (torch.tanh(self.head(self.last(x) + skips[0])) + 1) / 2

    def context(self, planes: torch.Tensor) -> Any:  # noqa: ARG002
        """Return what the attention of a subclass needs from the planes: None without attention."""
        return None

    def attend_encoder(self, features: torch.Tensor, context: Any) -> torch.Tensor:  # noqa: ARG002
        """Return the encoder's features at 1/8 after attention: unchanged without."""
        return features

    def attend_decoder(self, features: torch.Tensor, context: Any) -> torch.Tensor:  # noqa: ARG002
        """Return the decoder's features at 1/8 after attention: unchanged without."""
        return features

    def layer_depths(self) -> dict[str, int]:
        """Return the depth of each parameter: 0 for the stem, k from 1 for stage k of the encoder, 5 for all others."""
        last = 1 + len(self.down)
        depths = {}
        for name, _ in self.named_parameters():
            part, index = name.split(".")[:2]
            depths[name] = 0 if part == "stem" else 1 + int(index) if part == "down" else last
        return depths

    def _encode(self, planes: torch.Tensor, context: Any) -> list[torch.Tensor]:
        """Return the planes and the features at 1/2, 1/4, 1/8, 1/16 and 1/32 of their resolution."""
        features = [planes, self.stem[0](planes)]
        x = self.stem[1](features[-1])
        for depth, stage in enumerate(self.down):
            x = stage(x)
            if depth == 1:
                x = self.attend_encoder(x, context)
            features.append(x)
        return features

    def unknown_at_stride(self, planes: torch.Tensor, stride: int) -> torch.Tensor | None:
        """Return which pixels are unknown, (B, 1, H / stride, W / stride) boolean, or None without a trimap."""
        if not self.takes_trimap:
            return None
        coarse = planes[:, :, ::stride, ::stride]
        return coarse[:, 4:5] > 0.5 if self.trimap_planes == 3 else split_planes(coarse[:, 3:4])[2]


def _with_spectral_norm(convolution: AnyConvolution) -> AnyConvolution:
    """Return a convolution whose weight is divided by an estimate of its largest singular value."""
    nn.init.xavier_uniform_(convolution.weight)
    spectral_norm(convolution, dim=0)  # dimension 0 for transposed convolutions as well, as in the authors' code
    return convolution


def _plain_state(layer: nn.Module) -> dict[str, torch.Tensor]:
    """Return the tensors of a norm or a convolution, the latter's weight before spectral normalisation."""
    if isinstance(layer, nn.Conv2d):
        return {"weight": layer.parametrizations["weight"].original}
    return layer.state_dict()


def _set_state(layer: nn.Module, tensors: dict[str, torch.Tensor]) -> None:
    """Set the tensors that `_plain_state` names, and estimate the largest singular value of a new weight."""
    if not isinstance(layer, nn.Conv2d):
        layer.load_state_dict(tensors)
        return
    remove_parametrizations(layer, "weight", leave_parametrized=False)
    layer.load_state_dict(tensors)
    spectral_norm(layer, dim=0)


def _convolution(
    n_in: int, n_out: int, size: int = 3, stride: int = 1, padding_mode: Literal["zeros", "reflect"] = "zeros"
) -> nn.Conv2d:
    """Return a convolution without bias that keeps height and width at stride 1."""
    return _with_spectral_norm(nn.Conv2d(n_in, n_out, size, stride, size // 2, bias=False, padding_mode=padding_mode))


def _upsampling_convolution(n_in: int, n_out: int) -> nn.ConvTranspose2d:
    """Return a transposed convolution that doubles height and width."""
    return _with_spectral_norm(nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=False))


def _leaky_relu() -> nn.LeakyReLU:
    """Return the activation of the decoder."""
    return nn.LeakyReLU(SLOPE, inplace=True)


def activated(n_in: int, n_out: int, stride: int = 1) -> tuple[nn.Module, ...]:
    """Return convolution, norm and activation, in this order."""
    return _convolution(n_in, n_out, stride=stride), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True)


def rectified(
    n_in: int, n_out: int, stride: int = 1, padding_mode: Literal["zeros", "reflect"] = "zeros"
) -> tuple[nn.Module, ...]:
    """Return convolution, activation and norm, in this order: that of the skip connections and of GCA's guidance."""
    return (
        _convolution(n_in, n_out, stride=stride, padding_mode=padding_mode),
        nn.ReLU(inplace=True),
        nn.BatchNorm2d(n_out),
    )


def _down_stage(n_in: int, n_out: int, count: int, stride: int) -> nn.Sequential:
    """Return residual blocks, of which the first has the stride."""
    blocks = []
    for k in range(count):
        entering, step = (n_in, stride) if k == 0 else (n_out, 1)
        shortcut = nn.Identity()
        if step > 1:
            shortcut = nn.Sequential(nn.AvgPool2d(step), _convolution(entering, n_out, 1), nn.BatchNorm2d(n_out))
        blocks.append(
            _Residual(
                [*activated(entering, n_out, step), _convolution(n_out, n_out)],
                nn.BatchNorm2d(n_out),
                shortcut,
                nn.ReLU(inplace=True),
            )
        )
    return nn.Sequential(*blocks)


def _up_stage(n_in: int, n_out: int, count: int) -> nn.Sequential:
    """Return residual blocks, of which the first doubles the resolution."""
    blocks = []
    for k in range(count):
        entering, first, shortcut = n_out, _convolution(n_out, n_out), nn.Identity()
        if k == 0:
            entering, first = n_in, _upsampling_convolution(n_in, n_in)
            shortcut = nn.Sequential(nn.Upsample(scale_factor=2), _convolution(n_in, n_out, 1), nn.BatchNorm2d(n_out))
        blocks.append(
            _Residual(
                [first, nn.BatchNorm2d(entering), _leaky_relu(), _convolution(entering, n_out)],
                nn.BatchNorm2d(n_out),
                shortcut,
                _leaky_relu(),
            )
        )
    return nn.Sequential(*blocks)


class _Residual(nn.Module):
    """Layers and a norm beside a shortcut; the norm's weight starts at 0, so the block starts as its shortcut.

    Shapes
    ------
    x : (B, n_in, h, w)
    result : (B, n_out, h', w'), h' and w' being h and w, halved or doubled by the layers and the shortcut
    """

    def __init__(
        self, layers: Sequence[nn.Module], norm: nn.BatchNorm2d, shortcut: nn.Module, activation: nn.Module
    ) -> None:
        super().__init__()
        self.layers, self.shortcut, self.activation = nn.Sequential(*layers, norm), shortcut, activation
        nn.init.zeros_(norm.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.layers(x) + self.shortcut(x))
