"""Means over a region of a batch, 0 with a zero gradient where the region is empty."""

import torch

from hybridmatte._tensor import check_no_gradient, check_together, promote

__all__ = ["checked", "region_mean", "region_of"]


def checked(alpha, **others):
    """Check that all fit together and only alpha carries a gradient; return them promoted, alpha first."""
    check_together(alpha=alpha, **others)
    for name, tensor in others.items():
        if tensor is not None:
            check_no_gradient(tensor, name)
    return [promote(alpha), *(tensor if tensor is None else promote(tensor) for tensor in others.values())]


def region_of(region, like):
    """Return a region (B, 1, H, W), pixels of a value above 0.5, as booleans; all pixels for None."""
    return torch.ones_like(like, dtype=torch.bool) if region is None else region > 0.5


def region_mean(values, region):
    """Return the mean of values (B, C, H, W) over the pixels of a region (B, 1, H, W) and the channels."""
    total = torch.where(region, values, 0.0).sum()
    return total / (region.sum() * values.shape[1]).clamp(min=1)
