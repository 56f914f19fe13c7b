"""The affinity loss: each alpha is to be the weighted mean of the alphas of similar pixels."""

import math

import torch

from hybridmatte.losses._similar import Similarity, find_similar, has_kernels, neighbor_alpha, sum_over_pairs
from hybridmatte.similarity.window import Padding

__all__ = ["affinity_loss"]

MAX_DISTANCE = math.sqrt(3.0)  # between two colours in [0, 1]^3


def affinity_loss(
    alpha: torch.Tensor,
    image: torch.Tensor,
    *,
    window_size: int = 11,
    padding: Padding = "cut",
    similarity: Similarity | None = None,
) -> torch.Tensor:
    """Penalise pixels whose alpha is not the weighted mean of the alphas of similar pixels: the nonlocal principle.

    ``||A a - a||_1 / N`` over the N pixels of the batch. ``A_ij`` is proportional to ``1 - ||I_i - I_j||_2 / sqrt(3)``
    on the K selected pairs of pixel i, and the rows of A sum to 1. Constants and linear ramps have no penalty, so a
    hair may stop growing at a ramp, and the slope of an edge is not bounded; see docs/theory.

    On CUDA the last bits of the gradient depend on the order of atomic additions. Under
    ``torch.use_deterministic_algorithms(True)`` tensor operations take the kernel's place; they need more memory.

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
    is_ordered = values.device.type == "cpu" or not torch.are_deterministic_algorithms_enabled()
    if not (has_kernels(values) and is_ordered):
        return affinity_by_tensors(values, similarity).to(alpha.dtype)
    return (sum_over_pairs(values, similarity, "affinity_loss", MAX_DISTANCE) / values.numel()).to(alpha.dtype)


def affinity_by_tensors(alpha: torch.Tensor, similarity: Similarity) -> torch.Tensor:
    """Return the affinity loss by tensor operations alone, on any device."""
    weights = (MAX_DISTANCE - similarity.distances.to(alpha.dtype)).clamp(min=0)
    difference = neighbor_alpha(alpha, similarity) - alpha[:, 0, :, :, None]
    return ((weights * difference).sum(dim=3) / weights.sum(dim=3)).abs().mean()
