"""Input checks of the losses, and means over a region of a batch."""

import torch
from torch.nn.functional import conv2d

from hybridmatte._validation_torch import check_no_gradient, check_range, check_together, promote

__all__ = ["check_inputs", "check_with_region", "convolve", "region_mean"]


def check_inputs(alpha: torch.Tensor, **others: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Check the inputs of a loss; return alpha, then the others, half precision promoted to float32.

    All must agree in batch, height, width, device and dtype. The others must be in [0, 1] and require no gradient.
    """
    check_together(alpha=alpha, **others)
    for name, tensor in others.items():
        check_no_gradient(tensor, name)
        # NaN in a target or an image is allowed: outside the region it does not count, inside the loss becomes NaN
        check_range(tensor if name in ("trimap", "region") else tensor.nan_to_num(nan=0.0), name)
    return promote(alpha), *(promote(tensor) for tensor in others.values())


def check_with_region(
    alpha: torch.Tensor, region: torch.Tensor | None, **others: torch.Tensor
) -> tuple[torch.Tensor, ...]:
    """Check the inputs of a loss over a region; return what `check_inputs` returns, then the region as booleans.

    A pixel is in the region if its value is True or above 0.5; all pixels are if the region is None.
    """
    if region is None:
        values, *rest = check_inputs(alpha, **others)
        return values, *rest, torch.ones_like(values, dtype=torch.bool)
    if isinstance(region, torch.Tensor) and region.dtype == torch.bool:
        region = region.to(alpha.dtype)
    *rest, shares = check_inputs(alpha, **others, region=region)
    return *rest, shares > 0.5


def region_mean(values: torch.Tensor, is_counted: torch.Tensor) -> torch.Tensor:
    """Return the mean of values (B, C, H, W) over the channels and the pixels of a region (B, 1, H, W).

    The mean over an empty region is 0, and its gradient is 0.
    """
    total = torch.where(is_counted, values, 0.0).sum()
    return total / (is_counted.sum() * values.shape[1]).clamp(min=1)


def convolve(values: torch.Tensor, filters: torch.Tensor) -> torch.Tensor:
    """Return `conv2d` in the dtype of the values, also under autocast: differences of alpha need the precision."""
    with torch.autocast(values.device.type, enabled=False):
        return conv2d(values, filters)
