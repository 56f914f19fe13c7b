"""Labels for photographs with masks: a teacher's alpha on its boundary, the mask elsewhere."""

import numpy as np
import numpy.typing as npt
import torch

from hybridmatte._validation_torch import check_together
from hybridmatte.networks.prediction import as_batch
from hybridmatte.networks.u_net import MattingUNet

__all__ = ["blend_labels", "predict_labels"]


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


def predict_labels(teacher: MattingUNet, image: npt.ArrayLike, mask: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return the blended label of an image and a mask.

    Parameters
    ----------
    teacher : MattingUNet
        With a boundary head.
    image : (H, W, 3) array
        RGB in [0, 1]; uint8 and uint16 are scaled.
    mask : (H, W) array
        In [0, 1]; values of at least 0.5 count as 1, others as 0.

    Returns
    -------
    labels : (H, W) float32 array
        In [0, 1].
    """
    parameter = next(teacher.parameters())
    planes, mask_planes = (tensor.to(parameter) for tensor in as_batch(image, mask, "mask"))
    with teacher.predicting():
        alpha, boundary = teacher.alpha_and_boundary(planes)
        labels = blend_labels(alpha, boundary, (mask_planes >= 0.5).to(mask_planes))
    return labels[0, 0].float().cpu().numpy()
