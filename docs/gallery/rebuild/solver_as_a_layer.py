"""
A solver as a layer of a network
================================

:func:`hybridmatte.solve_cf` also takes tensors, and gradients flow through the solve: to the
prior, to its confidence, and to the image. So whatever makes a prior can be trained through the
solver. Here we learn a confidence for each pixel.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch

import hybridmatte
from hybridmatte import losses
from hybridmatte.data import composite_sample, random_scene

# %%
# A prior that is half wrong
# --------------------------
# The prior could be the output of a network. It is right in the left half of the picture; in the
# right half it says 0.5 everywhere. The trimap is so wide that the solver needs help.

generator = np.random.default_rng(7)
rows = np.arange(96)[:, None, None] // 12 % 2
stripes = np.where(rows, (0.75, 0.7, 0.3), (0.2, 0.45, 0.35))
background = np.float32(np.broadcast_to(stripes, (96, 128, 3)))
scene = composite_sample(random_scene((96, 128), generator, kind="fur"), background)
trimap = hybridmatte.trimap_from_alpha(scene.alpha, erode=6, dilate=14)
guess = scene.alpha.copy()
guess[:, 64:] = 0.5


def to_batch(plane):
    """Return an array (H, W) or (H, W, 3) as a tensor (1, C, H, W)."""
    return torch.from_numpy(np.atleast_3d(plane).transpose(2, 0, 1).copy())[None]


image, known = to_batch(scene.image), to_batch(trimap)
prior, target = to_batch(guess), to_batch(scene.alpha)

# %%
# Training through the solve
# --------------------------
# The parameters are the logarithms of the confidence at 6 x 8 points, enlarged to all pixels.
# Each step solves twice: forward for alpha, and backward for the gradient.

points = torch.full((1, 1, 6, 8), -3.0, requires_grad=True)
optimizer = torch.optim.Adam([points], lr=0.3)
history = []
for _ in range(40):
    logarithm = torch.nn.functional.interpolate(points, size=image.shape[2:], mode="bilinear")
    confidence = logarithm.exp()
    alpha = hybridmatte.solve_cf(image, known, prior=prior, confidence=confidence)
    loss = losses.l1_loss(alpha, target)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    history.append(loss.item())
alone = hybridmatte.solve_cf(image, known)
print(f"mean absolute error {history[0]:.4f} before and {history[-1]:.4f} after the steps")
print(f"without the prior   {losses.l1_loss(alone, target):.4f}")

# %%
# What was learned
# ----------------
# The confidence is high where the prior is right and low where it is wrong. The error is less
# than half of the error without the prior, in which the stripes of the background show along the
# edge.

pictures = {
    "image": scene.image,
    "prior": guess,
    "alpha without prior": alone[0, 0].numpy(),
    "log10 of the confidence": np.log10(confidence.detach()[0, 0].numpy()),
    "alpha with prior": alpha.detach()[0, 0].numpy(),
    "true alpha": scene.alpha,
}
figure, axes = plt.subplots(2, 3, figsize=(10, 5.2), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    if title.startswith("log10"):
        figure.colorbar(axis.imshow(picture, cmap="viridis"), ax=axis)
    else:
        axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axis.set_title(title)
    axis.axis("off")
