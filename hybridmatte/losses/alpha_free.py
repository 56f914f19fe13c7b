"""The total loss of training without alpha labels."""

from hybridmatte._validation import check_choice, check_number
from hybridmatte.losses.affinity import affinity_loss
from hybridmatte.losses.known import known_loss
from hybridmatte.losses.pairs import dc_loss, ddc_hinge_loss, ddc_loss

__all__ = ["PRIORS", "alpha_free_loss"]

PRIORS = {"affinity": affinity_loss, "dc": dc_loss, "ddc": ddc_loss, "hinge": ddc_hinge_loss}


def alpha_free_loss(alpha, image, trimap, *, weight=10.0, prior="ddc", window_size=11, padding="cut", similarity=None):
    """Train on trimaps alone: ``known_loss + weight * prior``.

    The known loss teaches what the object is, the prior spreads alpha into the unknown region along like colours.

    Parameters
    ----------
    alpha, image, window_size, padding, similarity
        As in `dc_loss`.
    trimap : (B, 1, H, W) tensor
        As in `known_loss`.
    weight : float, default 10
        Weight of the prior, at least 0; the paper's value.
    prior : {"ddc", "hinge", "dc", "affinity"}, default "ddc"
        The paper's loss, its hinge, or one of those it is compared with.

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
    charge = PRIORS[prior](alpha, image, window_size=window_size, padding=padding, similarity=similarity)
    return known_loss(alpha, trimap) + weight * charge
