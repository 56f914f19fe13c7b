"""The primal-dual iterations of `minimize_links` by tensor operations, on any device."""

from __future__ import annotations

from typing import Protocol

import torch

from hybridmatte.linalg.primal_dual import BALANCE, CHECK_EVERY, RELAXATION, PrimalDualResult

__all__ = ["TensorGraph", "minimize_tensor_links"]


class TensorGraph(Protocol):
    """A graph of n unknown values, followed by the known values 0 and 1, in float64."""

    n: int
    lengths: torch.Tensor
    degrees: torch.Tensor

    def differences(self, alpha: torch.Tensor) -> torch.Tensor:
        """Return the value at each link's tail minus the value at its head."""
        ...

    def divergence(self, dual: torch.Tensor) -> torch.Tensor:
        """Return, for each value, the duals of the links that leave it minus those of the links that enter it."""
        ...


def penalty_of(links: TensorGraph, alpha: torch.Tensor, form: str, weight: torch.Tensor, prior: torch.Tensor) -> float:
    """Return the penalty of alpha: over the links, and of its distance from the prior."""
    x, d = links.differences(alpha), links.lengths
    penalties = (x - d).abs() if form == "ddc" else (x.abs() - d).clamp(min=0)
    return (penalties.sum() + 0.5 * (weight * (alpha - prior).square()).sum()).item()


def bound_of(links: TensorGraph, dual: torch.Tensor, form: str, weight: torch.Tensor, prior: torch.Tensor) -> float:
    """Return the lower bound that the dual variables give for the penalty of any alpha in [0, 1]."""
    slope = links.divergence(dual)
    free = slope[: links.n]
    best = torch.where(weight > 0, (prior - free / weight.clamp(min=1e-300)).clamp(0.0, 1.0), (free < 0).double())
    length_term = links.lengths * (dual if form == "ddc" else dual.abs())
    own = free * best + 0.5 * weight * (best - prior).square()
    return (own.sum() + slope[links.n + 1] - length_term.sum()).item()


def minimize_tensor_links(
    links: TensorGraph,
    form: str,
    *,
    start: torch.Tensor,
    weight: torch.Tensor,
    prior: torch.Tensor,
    gap: float,
    maxiter: int,
) -> PrimalDualResult:
    """Minimise the same penalty as `minimize_links`; tensors are float64 on one device."""
    sigma, tau = 0.5 / BALANCE, BALANCE / links.degrees
    alpha, dual = start.clone(), torch.zeros_like(links.lengths)
    penalty, bound, iteration = float("inf"), float("-inf"), 0
    while iteration < maxiter:
        step = alpha - tau * links.divergence(dual)[: links.n]
        step = ((step + tau * weight * prior) / (1 + tau * weight)).clamp(0.0, 1.0)
        ahead = 2 * step - alpha
        alpha = alpha + RELAXATION * (step - alpha)
        moved = dual + sigma * links.differences(ahead)
        if form == "ddc":
            moved -= sigma * links.lengths
        else:
            moved = moved.sign() * (moved.abs() - sigma * links.lengths).clamp(min=0)
        dual = dual + RELAXATION * (moved.clamp(-1.0, 1.0) - dual)
        iteration += 1
        if iteration % CHECK_EVERY == 0 or iteration == maxiter:
            inside = alpha.clamp(0.0, 1.0)
            penalty = penalty_of(links, inside, form, weight, prior)
            bound = max(bound, bound_of(links, dual.clamp(-1.0, 1.0), form, weight, prior))
            if penalty - bound <= gap * max(len(links.lengths), 1):
                break
    return PrimalDualResult(inside, penalty, bound, iteration)
