"""Run a network on an image of any size: whole if it is small enough, else in tiles that overlap."""

import numpy as np
import torch

from hybridmatte._validation import check_image, check_integer, check_plane, check_same_shape, is_torch
from hybridmatte._validation_torch import check_image_batch, check_range, check_together, promote, split_planes
from hybridmatte.trimap import refuse_labels

__all__ = ["as_batch", "estimate_alpha", "predict_alpha", "with_known"]

OVERLAP = 0.25  # of a tile's side; a quarter of that at the tile's border counts for nothing, over half it fades in
MIN_PIXELS = 1 << 12


def predict_alpha(network, image, trimap=None, *, max_pixels=1 << 20):
    """Estimate alpha by a network.

    An image of more pixels than `max_pixels` is cut into tiles of about that many, which overlap by a quarter and fade
    into each other; what the network holds in memory then depends on the tile, not on the image. Tiles without an
    unknown pixel are skipped. A network without trimap sees less of the scene in a tile than in the whole image: give
    as many pixels as fit.

    Parameters
    ----------
    network : MattingNetwork
        Its parameters' device is where it runs; training or evaluation mode is left as it was.
    image : (H, W, 3) array or (B, 3, H, W) tensor
        RGB in [0, 1]; arrays of uint8 and uint16 are scaled. Never modified.
    trimap : (H, W) array or (B, 1, H, W) tensor, optional
        For networks that take one; known pixels are then exactly 0 or 1.
    max_pixels : int, default 2**20
        Most pixels of an image that the network sees at once, at least 4096.

    Returns
    -------
    alpha : (H, W) float32 array or (B, 1, H, W) tensor
        In [0, 1]; a tensor in the image's dtype on its device.

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
        return predict_alpha(network, *tensors, max_pixels=max_pixels)[0, 0].float().numpy()
    check_together(image=image, trimap=trimap)
    where = next(network.parameters())
    batch = [None if tensor is None else promote(tensor).to(where) for tensor in (image, trimap)]
    check_image_batch(batch[0])
    if trimap is not None:
        check_range(batch[1], "trimap")
    with network.predicting():
        pairs = ([None if tensor is None else tensor[i:i + 1] for tensor in batch] for i in range(len(image)))
        alpha = torch.cat([_predict_one(network, *pair, max_pixels) for pair in pairs])
    return alpha.to(image.device, image.dtype)


def as_batch(image, trimap=None, name="trimap"):
    """Return arrays (H, W, 3) and (H, W), checked, as tensors (1, 3, H, W) and (1, 1, H, W); no trimap is None."""
    image = check_image(image)
    planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]
    if trimap is None:
        return planes, None
    is_bytes = np.asarray(trimap).dtype.kind == "u"
    trimap = check_plane(trimap, name)
    if is_bytes or name == "trimap":  # a soft mask of floats may be faint everywhere
        refuse_labels(trimap, name)
    check_same_shape(trimap.shape, name, image.shape[:2], "image")
    return planes, torch.from_numpy(trimap)[None, None]


def _predict_one(network, image, trimap, max_pixels):
    """Return alpha of one image, (1, 1, H, W), its known pixels exact."""
    alpha = estimate_alpha(network, image, trimap, max_pixels)
    return alpha if trimap is None else with_known(alpha, trimap, split_planes(trimap)[2])


def with_known(alpha, trimap, is_wanted):
    """Return alpha where it is wanted, elsewhere 1 in the foreground and 0 outside."""
    return torch.where(is_wanted, alpha, split_planes(trimap)[0].to(alpha.dtype))


def estimate_alpha(network, image, trimap, max_pixels):
    """Return a network's alpha of one image, (1, 1, H, W), as it is.

    In tiles it is the mean of the tiles' alphas, each weighted by its distance to its own inner borders; those without
    an unknown pixel are taken from the trimap.
    """
    height, width = image.shape[2:]
    if height * width <= max_pixels:
        return network(image, trimap)
    side = max(int(max_pixels**0.5) // network.stride, 1) * network.stride
    total, weights = image.new_zeros((2, 1, 1, height, width))
    for top, bottom in _spans(height, side):
        wide = max(max_pixels // (bottom - top) // network.stride, 1) * network.stride
        for left, right in _spans(width, wide):
            here = (..., slice(top, bottom), slice(left, right))
            if trimap is not None and not split_planes(trimap[here])[2].any():
                continue
            fade = _fade(top, bottom, height)[:, None] * _fade(left, right, width)
            fade = fade.to(image.device, image.dtype)
            total[here] += fade * network(image[here], None if trimap is None else trimap[here])
            weights[here] += fade
    alpha = total / weights.clamp(min=torch.finfo(weights.dtype).tiny)
    return alpha if trimap is None else with_known(alpha, trimap, weights > 0)


def _spans(length, side):
    """Return equal, overlapping (start, end) of at most `side` that cover a length."""
    if length <= side:
        return [(0, length)]
    count = int(np.ceil((length - side) / ((1 - OVERLAP) * side))) + 1
    starts = np.linspace(0, length - side, count).round().astype(int)
    return [(int(start), int(start) + side) for start in starts]


def _fade(start, end, length):
    """Return weights of a span: 1, and falling to 0 towards an end that is not the image's own."""
    position, overlap = torch.arange(end - start) + 0.5, OVERLAP * (end - start)
    inside = torch.full_like(position, torch.inf)
    before = position if start > 0 else inside
    after = end - start - position if end < length else inside
    return ((torch.minimum(before, after) - overlap / 4) / (overlap / 2)).clamp(0.0, 1.0)
