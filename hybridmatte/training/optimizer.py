"""AdamW with layer-wise decay of the learning rate, warm-up, and steps or a cosine."""

import math

import torch

__all__ = ["make_optimizer", "parameter_groups", "rate_factor"]


def make_optimizer(network, *, learning_rate, weight_decay, layer_decay=1.0, betas=(0.9, 0.999)):
    """Return AdamW over a network's parameters.

    Parameters
    ----------
    network : MattingNetwork
    learning_rate : float
        Of the decoder.
    weight_decay : float
        Of weights; biases, norms and position embeddings have none.
    layer_decay : float, default 1
        A parameter with k of n encoder layers above it has ``learning_rate * layer_decay ** k``.

    betas : (float, float)

    Returns
    -------
    optimizer : torch.optim.AdamW

    References
    ----------
    .. [1] H. Bao, L. Dong, S. Piao, F. Wei. BEiT. ICLR 2022, for the decay by layers.
    """
    groups = parameter_groups(network, learning_rate=learning_rate, weight_decay=weight_decay, layer_decay=layer_decay)
    return torch.optim.AdamW(groups, betas=betas)


def parameter_groups(network, *, learning_rate, weight_decay, layer_decay=1.0):
    """Return the groups of a network's parameters, as `make_optimizer` describes them."""
    depths = network.layer_depths()
    last = max(depths.values())
    groups = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            is_plain = parameter.ndim <= 1 or "position_embeddings" in name or "rel_pos" in name
            key = (depths[name], is_plain)
            groups.setdefault(key, []).append(parameter)
    return [{"params": members, "lr": learning_rate * layer_decay ** (last - depth),
             "weight_decay": 0.0 if is_plain else weight_decay}
            for (depth, is_plain), members in sorted(groups.items(), key=lambda item: item[0])]


def rate_factor(step, *, warmup_steps, milestones=(), decay=0.1, last=None):
    """Return the factor of the learning rate at a step.

    A linear rise over the warm-up, then falls by `decay` at the milestones, or, where the `last` step is given, a half
    cosine from the end of the warm-up to 0.
    """
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    if last is not None:
        return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (step - warmup_steps) / max(last - warmup_steps, 1)))
    return decay ** sum(step >= milestone for milestone in milestones)
