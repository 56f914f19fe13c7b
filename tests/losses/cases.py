"""Batches for the tests of the losses, and the list of all losses with the names of their inputs."""

from functools import partial

import torch

from hybridmatte import losses

PAIR_LOSSES = {
    "affinity": losses.affinity_loss,
    "dc": losses.dc_loss,
    "ddc": losses.ddc_loss,
    "symmetric_ddc": partial(losses.ddc_loss, symmetric=True),
    "hinge": losses.ddc_hinge_loss,
}


def batch(size=(2, 13, 17), *, seed=0, dtype=torch.float64):
    """Return random inputs by name.

    alpha, target and trimap are (B, 1, H, W), image, foreground and background are (B, 3, H, W).
    """
    generator = torch.Generator().manual_seed(seed)
    n, height, width = size

    def draw(channels):
        return torch.rand((n, channels, height, width), generator=generator, dtype=dtype)

    named = {name: draw(1) for name in ("alpha", "target", "trimap")}
    named.update({name: draw(3) for name in ("image", "foreground", "background")})
    # exact in float32, so that the float64 gradient check selects the same pairs as the float32 search
    named["image"] = named["image"].float().to(dtype)
    named["trimap"] = (named["trimap"] * 3).floor().clamp(max=2) / 2
    return named


EVERY_LOSS = {
    **{name: (partial(loss, window_size=5), ("image",)) for name, loss in PAIR_LOSSES.items()},
    "known": (losses.known_loss, ("trimap",)),
    "alpha_free": (partial(losses.alpha_free_loss, window_size=5), ("image", "trimap")),
    "l1": (losses.l1_loss, ("target",)),
    "l2": (losses.l2_loss, ("target",)),
    "composition": (losses.composition_loss, ("image", "foreground", "background")),
    "laplacian_pyramid": (partial(losses.laplacian_pyramid_loss, levels=3), ("target",)),
    "gradient": (losses.gradient_loss, ("target",)),
    "gradient_penalty": (losses.gradient_penalty_loss, ("target",)),
    "hard_mining": (losses.hard_mining_loss, ("target",)),
    "matting_laplacian": (losses.matting_laplacian_loss, ("image",)),
}
