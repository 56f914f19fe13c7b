"""Labels for photographs with masks: a teacher's alpha on its boundary, the mask elsewhere."""

from hybridmatte._validation_torch import check_together
from hybridmatte.networks.prediction import as_batch

__all__ = ["blend_labels", "predict_labels"]


def blend_labels(alpha, boundary, mask):
    """Return ``b a + (1 - b) m``: alpha where the boundary is, the mask elsewhere.

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


def predict_labels(teacher, image, mask):
    """Return the blended label of an image and a mask, which counts as 1 from 0.5 on.

    Parameters
    ----------
    teacher : MattingUNet
        With a boundary head.
    image : (H, W, 3) array
    mask : (H, W) array

    Returns
    -------
    labels : (H, W) float32 array
    """
    where = next(teacher.parameters())
    image, mask = (tensor.to(where) for tensor in as_batch(image, mask, "mask"))
    with teacher.predicting():
        labels = blend_labels(*teacher.alpha_and_boundary(image), (mask >= 0.5).to(mask))
    return labels[0, 0].float().cpu().numpy()
