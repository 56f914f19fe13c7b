"""
What the losses want on a hair
==============================

A network that learns without true alphas needs a prior: a loss that says how alpha spreads into
the unknown region. We minimise two priors over alpha itself, without a network, on one hair: the
affinity loss, and DDC (directional distance consistency). The affinity loss stops the growth of
the hair; :doc:`the theory </docs/theory/braking_effect>` says why.
"""

# sphinx_gallery_thumbnail_number = 2
import matplotlib.pyplot as plt
import numpy as np
import torch

import hybridmatte
from hybridmatte import losses, window_topk

# %%
# The scene
# ---------
# A yellow body at the left with a hair of one pixel's width, over blue. The body is known
# foreground, the border is known background, and the hair is unknown.

alpha_true = np.zeros((15, 72), np.float32)
alpha_true[:, :16] = 1
alpha_true[7, 16:64] = 1
image = hybridmatte.composite(np.full((15, 72, 3), (0.9, 0.8, 0.2)), alpha_true, (0.1, 0.2, 0.6))
trimap = np.full(alpha_true.shape, 0.5, np.float32)
trimap[:, :12] = 1
trimap[[0, -1], 20:] = 0
trimap[:, -4:] = 0

# %%
# Gradient descent on alpha
# -------------------------
# Alpha starts without the hair. The search for the most similar pixels of each window depends on
# the image alone, so it is done once.

picture = torch.from_numpy(image).permute(2, 0, 1)[None]
known = torch.from_numpy(trimap)[None, None]
similarity = window_topk(picture, 11)


def grow(loss, steps):
    """Return the alpha (H, W) after steps of Adam on a loss, with the known pixels fixed."""
    start = torch.where(known == 0.5, 0.0, known)
    start[..., :16] = 1
    alpha = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([alpha], lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(alpha, picture, similarity=similarity).backward()
        optimizer.step()
        with torch.no_grad():
            alpha.copy_(torch.where(known == 0.5, alpha.clamp(0, 1), start))
    return alpha.detach()[0, 0].numpy()


results = {"affinity": grow(losses.affinity_loss, 400), "DDC": grow(losses.ddc_loss, 400)}

# %%
# The hair
# --------
# Under the affinity loss every straight ramp of alpha along the hair costs nothing, so the hair
# fades out. Under DDC only a constant alpha costs nothing, and the hair grows to its end.

figure, axes = plt.subplots(4, 1, figsize=(8, 6.4), layout="constrained")
pictures = {"image": image, "true alpha": alpha_true, **results}
for axis, (title, plane) in zip(axes, pictures.items(), strict=True):
    axis.imshow(plane, cmap="gray", vmin=0, vmax=1)
    axis.set_title(title)
    axis.axis("off")

figure, axis = plt.subplots(figsize=(7, 3.2), layout="constrained")
for name, alpha in results.items():
    axis.plot(alpha[7, 16:64], label=name)
    print(f"{name:9s} mean alpha on the hair {alpha[7, 16:64].mean():.2f}")
axis.set_xlabel("pixel along the hair")
axis.set_ylabel("alpha")
axis.set_ylim(0, 1.05)
axis.legend()
