"""Run a network on an image of any size: on the whole image if it is small enough, else in overlapping tiles."""

from collections.abc import Sequence
from typing import overload

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import interpolate

from hybridmatte._validation import check_image, check_integer, check_plane, check_same_shape, is_torch
from hybridmatte._validation_torch import check_image_batch, check_range, check_together, promote, split_planes
from hybridmatte.networks.network import MattingNetwork
from hybridmatte.trimap import refuse_labels

__all__ = [
    "TILE_PIXELS",
    "as_batch",
    "enlarged_to",
    "estimate_alpha",
    "predict_alpha",
    "shrunk_to",
    "side_for",
    "with_known",
]

OVERLAP = 0.25  # share of a tile's side; there a tile's weight is 0 over the outer quarter, then rises over half of it
MIN_PIXELS = 1 << 12
TILE_PIXELS = 1 << 20  # default


@overload
def predict_alpha(
    network: MattingNetwork,
    image: torch.Tensor,
    trimap: torch.Tensor | None = None,
    *,
    max_pixels: int = TILE_PIXELS,
    side: int | None = None,
) -> torch.Tensor: ...
@overload
def predict_alpha(
    network: MattingNetwork,
    image: npt.ArrayLike,
    trimap: npt.ArrayLike | None = None,
    *,
    max_pixels: int = TILE_PIXELS,
    side: int | None = None,
) -> npt.NDArray[np.float32]: ...
def predict_alpha(network, image, trimap=None, *, max_pixels=TILE_PIXELS, side=None):
    """Estimate alpha by a network.

    An image of more pixels than `max_pixels` is cut into tiles of about that many pixels. The tiles overlap by a
    quarter of their side, and their alphas are blended there. Memory then depends on the size of the tile, not of the
    image. Tiles without an unknown pixel are skipped. A network without trimap sees less of the scene in a tile than
    in the whole image, so choose `max_pixels` as large as memory allows.

    Parameters
    ----------
    network : MattingNetwork
        It runs on the device of its parameters. Its training or evaluation mode is unchanged afterwards.
    image : (H, W, 3) array or (B, 3, H, W) tensor
        RGB in [0, 1]; arrays of uint8 and uint16 are scaled. Never modified.
    trimap : (H, W) array or (B, 1, H, W) tensor, optional
        For networks that take one; alpha is then exactly 0 or 1 on known pixels.
    max_pixels : int, default 2**20
        Largest number of pixels of an image that the network processes at once, at least 4096.
    side : int, optional
        Shorter side in pixels of the image that the network sees; a larger image is shrunk for it, and alpha is
        enlarged. 0: the image as it is. Default: the network's own, see `MattingNetwork`. Only without trimap.

    Returns
    -------
    alpha : (H, W) float32 array or (B, 1, H, W) tensor
        In [0, 1]; a tensor has the image's dtype and device.

    Raises
    ------
    ValueError
        If image and trimap do not fit each other or the network, or a value is outside its range.

    Examples
    --------
    >>> from hybridmatte import networks
    >>> network = networks.unet("tiny")
    >>> predict_alpha(network, np.zeros((40, 50, 3))).shape
    (40, 50)
    """
    max_pixels = check_integer(max_pixels, "max_pixels", low=MIN_PIXELS)
    if not is_torch(image):
        tensors = as_batch(image, trimap)
        return predict_alpha(network, *tensors, max_pixels=max_pixels, side=side)[0, 0].float().numpy()
    check_together(image=image, trimap=trimap)
    side = side_for(network, side)
    parameter = next(network.parameters())
    images, trimaps = check_image_batch(promote(image).to(parameter)), None
    if trimap is not None:
        trimaps = promote(trimap).to(parameter)
        check_range(trimaps, "trimap")
    with network.predicting():
        alpha = torch.cat(
            [
                _predict_one(
                    network,
                    shrunk_to(images[k : k + 1], side),
                    None if trimaps is None else trimaps[k : k + 1],
                    max_pixels,
                )
                for k in range(len(images))
            ]
        )
    return enlarged_to(alpha, image.shape[2:]).to(image.device, image.dtype)


def side_for(network: MattingNetwork, side: int | None) -> int:
    """Return the shorter side of the image that a network is to see, 0 for the image as it is."""
    if side is None:
        return 0 if network.takes_trimap else network.side or 0
    if side and network.takes_trimap:
        raise ValueError(f"side is {side}, expected none: the network takes a trimap, which is not shrunk")
    return check_integer(side, "side", low=0)


def shrunk_to(image: torch.Tensor, side: int) -> torch.Tensor:
    """Return a batch shrunk so that its shorter side is at most `side` pixels; with 0, as it is."""
    factor = side / min(image.shape[2:])
    if not 0 < factor < 1:
        return image
    size = [max(round(factor * length), 1) for length in image.shape[2:]]
    return interpolate(image, size, mode="bilinear", align_corners=False, antialias=True).clamp(0, 1)


def enlarged_to(planes: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Return planes (B, C, h, w) at another height and width, by bilinear interpolation."""
    if planes.shape[2:] == torch.Size(size):
        return planes
    return interpolate(planes, tuple(size), mode="bilinear", align_corners=False)


@overload
def as_batch(image: npt.ArrayLike, trimap: None = None, name: str = "trimap") -> tuple[torch.Tensor, None]: ...
@overload
def as_batch(
    image: npt.ArrayLike, trimap: npt.ArrayLike, name: str = "trimap"
) -> tuple[torch.Tensor, torch.Tensor]: ...
@overload
def as_batch(
    image: npt.ArrayLike, trimap: npt.ArrayLike | None, name: str = "trimap"
) -> tuple[torch.Tensor, torch.Tensor | None]: ...
def as_batch(
    image: npt.ArrayLike, trimap: npt.ArrayLike | None = None, name: str = "trimap"
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return a checked image (H, W, 3) and trimap (H, W) as tensors (1, 3, H, W) and (1, 1, H, W).

    The second tensor is None without a trimap. `name` is the argument's name in error messages.
    """
    image = check_image(image)
    planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]
    if trimap is None:
        return planes, None
    is_integer = np.asarray(trimap).dtype.kind == "u"
    trimap = check_plane(trimap, name)
    if is_integer or name == "trimap":  # a soft mask of floats may be small everywhere
        refuse_labels(trimap, name)
    check_same_shape(trimap.shape, name, image.shape[:2], "image")
    return planes, torch.from_numpy(trimap)[None, None]


def _predict_one(
    network: MattingNetwork, image: torch.Tensor, trimap: torch.Tensor | None, max_pixels: int
) -> torch.Tensor:
    """Return alpha of one image, (1, 1, H, W), exactly 0 or 1 on known pixels."""
    alpha = estimate_alpha(network, image, trimap, max_pixels)
    return alpha if trimap is None else with_known(alpha, trimap, split_planes(trimap)[2])


def with_known(alpha: torch.Tensor, trimap: torch.Tensor, is_estimated: torch.Tensor) -> torch.Tensor:
    """Return alpha on the pixels `is_estimated`; elsewhere 1 in the trimap's foreground and 0 outside of it."""
    return torch.where(is_estimated, alpha, split_planes(trimap)[0].to(alpha.dtype))


def estimate_alpha(
    network: MattingNetwork, image: torch.Tensor, trimap: torch.Tensor | None, max_pixels: int
) -> torch.Tensor:
    """Return the network's own alpha of one image, (1, 1, H, W).

    With tiles it is the weighted mean of their alphas; a tile's weight falls towards those of its borders that lie
    inside the image. Tiles without an unknown pixel take their values from the trimap.
    """
    height, width = image.shape[2:]
    if height * width <= max_pixels:
        return network(image, trimap)
    side = max(int(max_pixels**0.5) // network.stride, 1) * network.stride
    total, weights = image.new_zeros((2, 1, 1, height, width))
    for top, bottom in _spans(height, side):
        tile_width = max(max_pixels // (bottom - top) // network.stride, 1) * network.stride
        for left, right in _spans(width, tile_width):
            tile = (..., slice(top, bottom), slice(left, right))
            if trimap is not None and not split_planes(trimap[tile])[2].any():
                continue
            fade = _fade(top, bottom, height)[:, None] * _fade(left, right, width)
            fade = fade.to(image.device, image.dtype)
            total[tile] += fade * network(image[tile], None if trimap is None else trimap[tile])
            weights[tile] += fade
    alpha = total / weights.clamp(min=torch.finfo(weights.dtype).tiny)
    return alpha if trimap is None else with_known(alpha, trimap, weights > 0)


def _spans(length: int, side: int) -> list[tuple[int, int]]:
    """Return overlapping spans (start, end) of equal length, at most `side`, that cover a length."""
    if length <= side:
        return [(0, length)]
    count = int(np.ceil((length - side) / ((1 - OVERLAP) * side))) + 1
    starts = np.linspace(0, length - side, count).round().astype(int)
    return [(int(start), int(start) + side) for start in starts]


def _fade(start: int, end: int, length: int) -> torch.Tensor:
    """Return the weights of the pixels of a span: 1, falling to 0 towards an end that is not the image's border."""
    position, overlap = torch.arange(end - start) + 0.5, OVERLAP * (end - start)
    inside = torch.full_like(position, torch.inf)
    before = position if start > 0 else inside
    after = end - start - position if end < length else inside
    return ((torch.minimum(before, after) - overlap / 4) / (overlap / 2)).clamp(0.0, 1.0)
