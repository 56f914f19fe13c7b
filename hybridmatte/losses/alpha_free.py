"""The total loss of training without alpha labels."""

from typing import Literal

import torch

from hybridmatte._validation import check_choice, check_number
from hybridmatte.losses._similar import Similarity
from hybridmatte.losses.affinity import affinity_loss
from hybridmatte.losses.known import known_loss
from hybridmatte.losses.pairs import dc_loss, ddc_hinge_loss, ddc_loss
from hybridmatte.similarity.window import Padding

__all__ = ["PRIORS", "alpha_free_loss"]

PRIORS = {"affinity": affinity_loss, "dc": dc_loss, "ddc": ddc_loss, "hinge": ddc_hinge_loss}


def alpha_free_loss(
    alpha: torch.Tensor,
    image: torch.Tensor,
    trimap: torch.Tensor,
    *,
    weight: float = 10.0,
    prior: Literal["ddc", "hinge", "dc", "affinity"] = "ddc",
    window_size: int = 11,
    padding: Padding = "cut",
    similarity: Similarity | None = None,
) -> torch.Tensor:
    """Train on trimaps without alpha labels: ``known_loss + weight * prior``.

    The known loss teaches the network what the object is. The prior carries alpha from the known pixels into the
    unknown region, along similar colours.

    Parameters
    ----------
    alpha, image, window_size, padding, similarity
        As in `dc_loss`.
    trimap : (B, 1, H, W) tensor
        As in `known_loss`.
    weight : float, default 10
        Weight of the prior, at least 0; the default is the paper's.
    prior : {"ddc", "hinge", "dc", "affinity"}, default "ddc"
        `ddc_loss`, which the paper proposes; `ddc_hinge_loss`; or `dc_loss` or `affinity_loss`, which the paper
        compares it with.

    Returns
    -------
    loss : scalar tensor
        At least 0, of alpha's dtype.

    Raises
    ------
    ValueError, TypeError
        As in `dc_loss` and `known_loss`.

    References
    ----------
    .. [1] Training Matting Models without Alpha Labels, 2024. Eq. 10.

    Examples
    --------
    >>> import torch
    >>> image, trimap = torch.full((1, 3, 4, 4), 0.5), torch.ones(1, 1, 4, 4)
    >>> alpha_free_loss(trimap.clone(), image, trimap, window_size=3).item()
    0.0
    """
    check_choice(prior, "prior", list(PRIORS))
    weight = check_number(weight, "weight", low=0)
    penalty = PRIORS[prior](alpha, image, window_size=window_size, padding=padding, similarity=similarity)
    return known_loss(alpha, trimap) + weight * penalty
