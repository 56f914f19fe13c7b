"""Gradient descent on alpha itself under one prior, without a network: shows what each loss favours."""

from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from hybridmatte import losses, window_topk

PRIORS = {
    "none": None,
    "affinity": losses.affinity_loss,
    "dc": losses.dc_loss,
    "ddc": losses.ddc_loss,
    "symmetric ddc": partial(losses.ddc_loss, symmetric=True),
    "hinge": losses.ddc_hinge_loss,
}
LOSSES = {name: loss for name, loss in PRIORS.items() if loss is not None}


def to_batch(plane: npt.NDArray) -> torch.Tensor:
    """Return an (H, W) or (H, W, 3) array as a batch of one, float32."""
    tensor = torch.from_numpy(plane.astype("float32"))
    return tensor[None, None] if tensor.ndim == 2 else tensor.permute(2, 0, 1)[None]


def descend(
    image: npt.NDArray,
    trimap: npt.NDArray,
    prior: str,
    *,
    start: npt.NDArray,
    steps: int,
    rate: float = 0.01,
    fix_known: bool = True,
    every: int = 0,
) -> list[npt.NDArray[np.float32]]:
    """Minimise a prior over alpha (H, W) by Adam; return the alphas on the way, after each `every` steps, and the last.

    Known pixels are fixed, or, as in training, only penalised: the loss is then ``known_loss + 10 * prior``.
    """
    photograph, known, alpha = to_batch(image), to_batch(trimap), to_batch(start).clone().requires_grad_()
    similarity, penalty = window_topk(photograph, 11), PRIORS[prior]
    is_known, target = (known <= 0.1) | (known >= 0.9), (known >= 0.9).float()
    optimizer = torch.optim.Adam([alpha], lr=rate)
    history = []
    for step in range(steps):
        if every and step % every == 0:
            history.append(alpha.detach()[0, 0].numpy().copy())
        optimizer.zero_grad()
        loss = torch.zeros(()) if penalty is None else 10.0 * penalty(alpha, photograph, similarity=similarity)
        if not fix_known:
            loss = loss + losses.known_loss(alpha, known)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            alpha.clamp_(0.0, 1.0)
            if fix_known:
                alpha[is_known] = target[is_known]
    return [*history, alpha.detach()[0, 0].numpy()]
