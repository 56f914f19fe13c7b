"""Labels for photographs with masks: a teacher's alpha on its boundary, the mask elsewhere."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from hybridmatte._validation_torch import check_together
from hybridmatte.errors import warn_caller
from hybridmatte.networks.prediction import as_batch, enlarged_to, shrunk_to, side_for
from hybridmatte.networks.u_net import MattingUNet

__all__ = [
    "BLENDED_MOSTLY",
    "MOST_BLENDED",
    "blend_labels",
    "hard_boundary",
    "predict_boundary",
    "predict_labels",
    "refuse_as_teacher",
]

MOST_BLENDED = 0.5  # of a label's pixels that are the teacher's; above it the mask decides too little
BLENDED_MOSTLY = "the labels are mostly the teacher's alpha; its boundary head may not be trained enough"


def blend_labels(alpha: torch.Tensor, boundary: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return ``b a + (1 - b) m``: alpha on the boundary, the mask elsewhere.

    Parameters
    ----------
    alpha, boundary, mask : (B, 1, H, W) tensors
        In [0, 1].

    Returns
    -------
    labels : (B, 1, H, W) tensor

    References
    ----------
    .. [1] Weakly semi-supervised human matting with matte label blending. Section 3.3, step 2.
    """
    check_together(alpha=alpha, boundary=boundary, mask=mask)
    return boundary * alpha + (1 - boundary) * mask


def predict_labels(
    teacher: MattingUNet,
    image: npt.ArrayLike,
    mask: npt.ArrayLike,
    *,
    side: int | None = None,
    soft: bool = False,
) -> npt.NDArray[np.float32]:
    """Return the blended label of an image and a mask.

    Parameters
    ----------
    teacher : MattingUNet
        With a boundary head.
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled.
    mask : (H, W) array
        In [0, 1]; values of at least 0.5 count as 1, others as 0.
    side : int, optional
        As for `predict_alpha`.
    soft : bool, default False
        Whether the boundary weighs alpha and mask as the head gives it. By default it is 1 where the head gives at
        least 0.5, else 0, as in the paper.

    Returns
    -------
    labels : (H, W) float32 array
        In [0, 1].

    Warns
    -----
    UserWarning
        If the boundary covers more than half of the image.
    """
    parameter = next(teacher.parameters())
    planes, mask_planes = (tensor.to(parameter) for tensor in as_batch(image, mask, "mask"))
    with teacher.predicting():
        alpha, boundary = _alpha_and_boundary(teacher, planes, side)
        boundary = boundary if soft else hard_boundary(boundary)
        labels = blend_labels(alpha, boundary, (mask_planes >= 0.5).to(mask_planes))
        share = float(boundary.float().mean())
    if share > MOST_BLENDED:
        warn_caller(f"the teacher's boundary covers {share:.0%} of the image: {BLENDED_MOSTLY}", UserWarning)
    return labels[0, 0].float().cpu().numpy()


def predict_boundary(network: MattingUNet, image: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return what a network's boundary head gives, (H, W) in [0, 1], for an image (H, W, 3)."""
    planes = as_batch(image)[0].to(next(network.parameters()))
    with network.predicting():
        return _alpha_and_boundary(network, planes, None)[1][0, 0].float().cpu().numpy()


def _alpha_and_boundary(network: MattingUNet, planes: torch.Tensor, side: int | None) -> list[torch.Tensor]:
    """Return alpha and boundary of a batch, which the network sees with a shorter side of at most `side` pixels."""
    small = shrunk_to(planes, side_for(network, side))
    return [enlarged_to(plane, planes.shape[2:]) for plane in network.alpha_and_boundary(small)]


def hard_boundary(boundary: torch.Tensor) -> torch.Tensor:
    """Return 1 where a boundary head gives at least 0.5, else 0."""
    return (boundary >= 0.5).to(boundary.dtype)


def refuse_as_teacher(network: Any, name: str) -> None:
    """Refuse a network without a boundary head, or with one that was never trained; the name is for the message."""
    if not getattr(network, "has_boundary", False):
        raise ValueError(f"{name} has no boundary head, expected a network trained with boundary = true")
    if network.boundary_trained is False:
        raise ValueError(
            f"{name} has a boundary head that was never trained, expected a network of paradigm 'matte': the labels "
            "would be blended at random"
        )
