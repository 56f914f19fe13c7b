"""Means over a region of a batch, 0 with a zero gradient where the region is empty."""

import torch
from torch.nn.functional import conv2d

from hybridmatte._validation_torch import check_no_gradient, check_range, check_together, promote

__all__ = ["checked", "convolve", "region_mean", "region_of"]


def checked(alpha, **others):
    """Check that all fit together, only alpha carries a gradient and all else is in [0, 1]; return them promoted.

    Alpha comes first; a region of booleans becomes one of alpha's dtype.
    """
    region = others.get("region")
    if isinstance(region, torch.Tensor) and region.dtype == torch.bool:
        others["region"] = region.to(alpha.dtype)
    check_together(alpha=alpha, **others)
    for name, tensor in others.items():
        if tensor is not None:
            check_no_gradient(tensor, name)
            # a true alpha or image that is NaN outside the region does not count, inside it the loss is NaN
            check_range(tensor if name in ("trimap", "region") else tensor.nan_to_num(nan=0.0), name)
    return [promote(alpha), *(tensor if tensor is None else promote(tensor) for tensor in others.values())]


def region_of(region, like):
    """Return a region (B, 1, H, W), pixels of a value above 0.5, as booleans; all pixels for None."""
    return torch.ones_like(like, dtype=torch.bool) if region is None else region > 0.5


def region_mean(values, region):
    """Return the mean of values (B, C, H, W) over the pixels of a region (B, 1, H, W) and the channels."""
    total = torch.where(region, values, 0.0).sum()
    return total / (region.sum() * values.shape[1]).clamp(min=1)


def convolve(values, filters):
    """Return `conv2d` in the values' own precision, inside autocast too: differences of alpha are small."""
    with torch.autocast(values.device.type, enabled=False):
        return conv2d(values, filters)
