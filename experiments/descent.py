"""Descent on alpha itself under one prior, with no network: what the losses want, seen directly."""

from functools import partial

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


def to_batch(plane):
    """Return an (H, W) or (H, W, 3) array as a batch of one, float32."""
    tensor = torch.from_numpy(plane.astype("float32"))
    return tensor[None, None] if tensor.ndim == 2 else tensor.permute(2, 0, 1)[None]


def descend(image, trimap, prior, *, start, steps, rate=0.01, weight=10.0, fix_known=True, window_size=11, every=None):
    """Minimise a prior over alpha (H, W) by Adam; return alpha, and with `every` the alphas on the way.

    Known pixels are fixed, or, as in training, only charged: the loss is then ``known_loss + weight * prior``.
    """
    image, trimap, alpha = to_batch(image), to_batch(trimap), to_batch(start).clone().requires_grad_()
    similarity = window_topk(image, window_size)
    is_known, target = (trimap <= 0.1) | (trimap >= 0.9), (trimap >= 0.9).float()
    optimizer = torch.optim.Adam([alpha], lr=rate)
    history = []
    for step in range(steps):
        if every and step % every == 0:
            history.append(alpha.detach()[0, 0].numpy().copy())
        optimizer.zero_grad()
        loss = weight * PRIORS[prior](alpha, image, similarity=similarity) if PRIORS[prior] else 0.0
        if not fix_known:
            loss = loss + losses.known_loss(alpha, trimap)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            alpha.clamp_(0.0, 1.0)
            if fix_known:
                alpha[is_known] = target[is_known]
    result = alpha.detach()[0, 0].numpy()
    return (result, history) if every else result
