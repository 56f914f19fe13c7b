"""Checks of the prior of a batch of tensors."""

from __future__ import annotations

import torch

from hybridmatte._validation_torch import check_planes, check_together
from hybridmatte.systems.problem import DEFAULT_CONFIDENCE

__all__ = ["check_prior_batch"]


def check_prior_batch(
    trimap: torch.Tensor, prior: torch.Tensor | None, confidence: torch.Tensor | float | None
) -> torch.Tensor | None:
    """Return the confidence as planes like the prior, or None without one; refuse inputs that leave alpha undefined."""
    if prior is None and confidence is not None:
        raise ValueError("confidence came without a prior, expected a prior with it")
    if prior is not None:
        confidence = DEFAULT_CONFIDENCE if confidence is None else confidence
        if isinstance(confidence, torch.Tensor) and confidence.ndim:
            check_together(trimap=trimap, confidence=confidence)
        confidence = torch.as_tensor(confidence, dtype=prior.dtype, device=prior.device).expand_as(prior)
    with torch.no_grad():
        check_planes(trimap, prior, confidence)
    return confidence
