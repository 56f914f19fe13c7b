"""A noisy scene for the stencil solve of tensors."""

import torch

from tests.synthetic import soft_disk


def scene(shape, *, right_half_known=False):
    """Return image (3, H, W), is_unknown and known alpha of a noisy scene; some tiles have no unknown pixel."""
    made = soft_disk(shape, noise=0.05)
    trimap = torch.from_numpy(made.trimap)
    trimap[0, 0] = 1.0
    if right_half_known:
        trimap[:, shape[1] // 2 :] = 0.0
    return torch.from_numpy(made.image).permute(2, 0, 1), (trimap > 0) & (trimap < 1), (trimap == 1).double()
