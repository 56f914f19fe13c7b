"""AdamW with layer-wise decay of the learning rate, and schedules with a warm-up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

__all__ = ["make_optimizer", "parameter_groups", "rate_factor"]


def make_optimizer(
    network: Any,
    *,
    learning_rate: float,
    weight_decay: float,
    layer_decay: float = 1.0,
    betas: tuple[float, float] = (0.9, 0.999),
) -> torch.optim.AdamW:
    """Return AdamW over the parameters of a network.

    Parameters
    ----------
    network : MattingNetwork
    learning_rate : float
        Of the decoder.
    weight_decay : float
        Of weights. Biases, norms and position embeddings have none.
    layer_decay : float, default 1
        A parameter with k encoder layers after its own has the learning rate ``learning_rate * layer_decay ** k``.
    betas : (float, float)

    Returns
    -------
    optimizer : torch.optim.AdamW

    References
    ----------
    .. [1] H. Bao, L. Dong, S. Piao, F. Wei. BEiT. ICLR 2022. For the decay by layers.
    """
    groups = parameter_groups(network, learning_rate=learning_rate, weight_decay=weight_decay, layer_decay=layer_decay)
    return torch.optim.AdamW(groups, betas=betas)


def parameter_groups(
    network: Any, *, learning_rate: float, weight_decay: float, layer_decay: float = 1.0
) -> list[dict[str, Any]]:
    """Return the groups of a network's parameters, as `make_optimizer` describes them."""
    depths = network.layer_depths()
    last = max(depths.values())
    groups: dict[tuple[int, bool], list[torch.nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            is_without_decay = parameter.ndim <= 1 or "position_embeddings" in name or "rel_pos" in name
            groups.setdefault((depths[name], is_without_decay), []).append(parameter)
    return [
        {
            "params": members,
            "lr": learning_rate * layer_decay ** (last - depth),
            "weight_decay": 0.0 if is_without_decay else weight_decay,
        }
        for (depth, is_without_decay), members in sorted(groups.items(), key=lambda item: item[0])
    ]


def rate_factor(
    step: int, *, warmup_steps: int, milestones: Sequence[int] = (), decay: float = 0.1, last: int | None = None
) -> float:
    """Return the factor of the learning rate at a step.

    It rises linearly over the warm-up. After that it is multiplied by `decay` at each of the milestones; or, if the
    `last` step is given, it falls along half a cosine, to 0 at that step.
    """
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    if last is not None:
        return 0.5 + 0.5 * math.cos(math.pi * min(1.0, (step - warmup_steps) / max(last - warmup_steps, 1)))
    return decay ** sum(step >= milestone for milestone in milestones)
