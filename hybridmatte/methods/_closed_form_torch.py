"""The closed-form matting Laplacian as a bilinear form of tensors, without the matrix."""

import torch


def closed_form_product(left, right, image, epsilon):
    """Return ``left' L right`` for each image of a batch, (B,) float64, differentiable in all three.

    left and right are (B, 1, H, W), the image is (B, 3, H, W).
    """
    if min(image.shape[2:]) < 3:
        return (left.double() * right.double()).sum(dim=(1, 2, 3)) * 0.0
    left, right, image = _centered(left), _centered(right), _centered(image)
    covariance = torch.einsum("pbihw,pbjhw->bhwij", image, image) / 9
    covariance = covariance + torch.eye(3, dtype=image.dtype, device=image.device) * (epsilon / 9)
    from_left = torch.einsum("pbihw,pbjhw->bhwij", image, left) / 9
    from_right = from_left if right is left else torch.einsum("pbihw,pbjhw->bhwij", image, right) / 9
    slopes = torch.linalg.solve(covariance, from_right)
    squares = (left * right).sum(dim=(0, 2))
    return (squares - 9 * (from_left * slopes).sum(dim=(3, 4))).sum(dim=(1, 2))


def _centered(values):
    """Return the 9 pixels of each window less the window's mean, (9, B, C, H - 2, W - 2) float64."""
    height, width = values.shape[2] - 2, values.shape[3] - 2
    values = values.double()
    windows = torch.stack([values[:, :, y:y + height, x:x + width] for y in range(3) for x in range(3)])
    return windows - windows.mean(dim=0)
