"""Losses against a true alpha: absolute and squared error, composition error, and hard mining."""

import torch

from hybridmatte._validation import check_number
from hybridmatte._validation_torch import check_together, promote
from hybridmatte.losses._region import check_with_region, region_mean

__all__ = ["composition_loss", "hard_mining_loss", "l1_loss", "l2_loss"]


def l1_loss(alpha: torch.Tensor, target: torch.Tensor, *, region: torch.Tensor | None = None) -> torch.Tensor:
    """Penalise the absolute difference from a true alpha: mean over the region's pixels of ``|a_i - t_i|``.

    Parameters
    ----------
    alpha : (B, 1, H, W) tensor
        In [0, 1]; the gradient flows to it.
    target : (B, 1, H, W) tensor
        The true alpha, of alpha's dtype and device.
    region : (B, 1, H, W) tensor, optional
        A pixel counts if its value is True or above 0.5; without a region all pixels count. The mean is over the
        whole batch.

    Returns
    -------
    loss : scalar tensor
        0 with a zero gradient if the region is empty.

    Raises
    ------
    ValueError
        If shapes or devices differ, a value is not in [0, 1], or target or region require a gradient.
    TypeError
        If an input is not a floating-point tensor, or dtypes differ.

    Examples
    --------
    >>> import torch
    >>> l1_loss(torch.tensor([[[[0.25, 1.0]]]]), torch.tensor([[[[0.0, 1.0]]]])).item()
    0.125
    """
    values, promoted_target, is_counted = check_with_region(alpha, region, target=target)
    return region_mean((values - promoted_target).abs(), is_counted).to(alpha.dtype)


def l2_loss(alpha: torch.Tensor, target: torch.Tensor, *, region: torch.Tensor | None = None) -> torch.Tensor:
    """Penalise the squared difference from a true alpha: mean over the region's pixels of ``(a_i - t_i)^2``.

    Parameters
    ----------
    alpha, target, region
        As in `l1_loss`.

    Returns
    -------
    loss : scalar tensor
        0 with a zero gradient if the region is empty.

    Raises
    ------
    ValueError, TypeError
        As in `l1_loss`.

    Examples
    --------
    >>> import torch
    >>> l2_loss(torch.tensor([[[[0.5, 1.0]]]]), torch.tensor([[[[0.0, 1.0]]]])).item()
    0.125
    """
    values, promoted_target, is_counted = check_with_region(alpha, region, target=target)
    return region_mean((values - promoted_target).square(), is_counted).to(alpha.dtype)


def composition_loss(
    alpha: torch.Tensor,
    image: torch.Tensor,
    foreground: torch.Tensor,
    background: torch.Tensor,
    *,
    region: torch.Tensor | None = None,
) -> torch.Tensor:
    """Penalise the difference between the image and the composite of its true colour layers by alpha.

    Mean over the region's pixels and the three channels of ``|a F + (1 - a) B - I|``.

    Parameters
    ----------
    alpha : (B, 1, H, W) tensor
        In [0, 1]; the gradient flows to it.
    image, foreground, background : (B, 3, H, W) tensors
        RGB in [0, 1], of alpha's dtype and device. A gradient may flow to foreground and background.
    region : (B, 1, H, W) tensor, optional
        As in `l1_loss`.

    Returns
    -------
    loss : scalar tensor
        0 with a zero gradient if the region is empty.

    Raises
    ------
    ValueError, TypeError
        As in `l1_loss`.

    References
    ----------
    .. [1] N. Xu, B. Price, S. Cohen, T. Huang. Deep image matting. CVPR 2017.

    Examples
    --------
    >>> import torch
    >>> white, black = torch.ones(1, 3, 1, 1), torch.zeros(1, 3, 1, 1)
    >>> composition_loss(torch.full((1, 1, 1, 1), 0.75), white, white, black).item()
    0.25
    """
    values, promoted_image, is_counted = check_with_region(alpha, region, image=image)
    check_together(alpha=alpha, foreground=foreground)  # a gradient and any values are allowed in the layers
    check_together(alpha=alpha, background=background)
    composite = values * promote(foreground) + (1 - values) * promote(background)
    return region_mean((composite - promoted_image).abs(), is_counted).to(alpha.dtype)


def hard_mining_loss(
    alpha: torch.Tensor, target: torch.Tensor, *, percent: float = 50.0, region: torch.Tensor | None = None
) -> torch.Tensor:
    """Penalise the largest errors: mean of ``|a_i - t_i|`` over a percentage of the region's pixels.

    The percentage is of the region's pixels in the whole batch, rounded up.

    Parameters
    ----------
    alpha, target, region
        As in `l1_loss`.
    percent : float, default 50
        Percentage of the region's pixels that count, above 0, at most 100.

    Returns
    -------
    loss : scalar tensor
        0 with a zero gradient if the region is empty.

    Raises
    ------
    ValueError, TypeError
        As in `l1_loss`.

    References
    ----------
    .. [1] Semantic-guided Automatic Natural Image Matting with Trimap Generation Network and Light-weight Non-local
       Attention. Section 3.2.1.

    Examples
    --------
    >>> import torch
    >>> error = torch.tensor([[[[0.1, 0.2, 0.6, 0.8]]]])
    >>> round(hard_mining_loss(error, torch.zeros(1, 1, 1, 4)).item(), 6)
    0.7
    """
    percent = check_number(percent, "percent", above=0, high=100)
    values, promoted_target, is_counted = check_with_region(alpha, region, target=target)
    errors = (values - promoted_target).abs()[is_counted]
    if errors.numel() == 0:
        return (values * 0).sum().to(alpha.dtype)
    n_hard = -int(-errors.numel() * percent // 100)  # rounded up
    return errors.topk(n_hard).values.mean().to(alpha.dtype)
