"""The affinity loss: each alpha the mean of those of similar pixels."""

import math

from hybridmatte.losses._similar import find_similar, neighbor_alpha, sum_over_pairs

__all__ = ["affinity_loss"]

FARTHEST = math.sqrt(3.0)  # between two colours in [0, 1]^3


def affinity_loss(alpha, image, *, window_size=11, padding="cut", similarity=None):
    """Charge pixels whose alpha is not the weighted mean of those of similar pixels: the nonlocal principle.

    ``||A a - a||_1 / N`` over the N pixels of the batch, ``A_ij`` proportional to ``1 - ||I_i - I_j||_2 / sqrt(3)`` on
    the K selected pairs, rows summing to 1. Constants and linear ramps cost nothing, so a hair may stop growing at a
    ramp, and an edge may turn as steep as it likes; see docs/theory.

    Parameters
    ----------
    alpha, image, window_size, padding, similarity
        As in `dc_loss`.

    Returns
    -------
    loss : scalar tensor
        At least 0, of alpha's dtype.

    Raises
    ------
    ValueError, TypeError
        As in `dc_loss`.

    References
    ----------
    .. [1] Training Matting Models without Alpha Labels, 2024. Eq. 2 and 3.

    Examples
    --------
    >>> import torch
    >>> image = torch.full((1, 3, 4, 4), 0.5)
    >>> round(affinity_loss(torch.full((1, 1, 4, 4), 0.3), image, window_size=3).item(), 6)
    0.0
    """
    values, similarity = find_similar(alpha, image, window_size, padding, similarity)
    if values.device.type != "cpu":
        return affinity_by_tensors(values, similarity).to(alpha.dtype)
    from hybridmatte.losses import _pairs_numba as kernels

    return (sum_over_pairs(values, similarity, kernels.affinity_loss, FARTHEST) / values.numel()).to(alpha.dtype)


def affinity_by_tensors(alpha, similarity):
    """Return the affinity loss by tensor operations alone, on any device."""
    weights = (FARTHEST - similarity.distances.to(alpha.dtype)).clamp(min=0)
    difference = neighbor_alpha(alpha, similarity) - alpha[:, 0, :, :, None]
    return ((weights * difference).sum(dim=3) / weights.sum(dim=3)).abs().mean()
