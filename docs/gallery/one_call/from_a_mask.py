"""
From a rough mask to a cut-out
==============================

A segmentation network, or a few clicks, give a rough mask: right inside, wrong along the outline.
:func:`hybridmatte.matte_from_mask` makes a trimap from the mask and finds the alpha. No trimap is
drawn by hand.
"""

import cv2
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

import hybridmatte

# %%
# The inputs
# ----------
# The photograph is `flower.jpg` by "vultilion" (CC BY 2.0), as scikit-learn distributes it. The
# mask is a polygon of twelve points.

image = load_sample_image("flower.jpg")
outline = np.array(
    [
        (168, 220),
        (185, 145),
        (240, 98),
        (305, 82),
        (380, 98),
        (430, 150),
        (446, 222),
        (428, 290),
        (375, 345),
        (305, 360),
        (232, 342),
        (186, 292),
    ]
)
mask = cv2.fillPoly(np.zeros(image.shape[:2], np.uint8), [outline], 255)

# %%
# From mask to alpha
# ------------------
# `erode` and `dilate` are the widths in pixels of the band of unknown pixels, inside and outside
# of the outline. The true edge has to lie in the band.

result = hybridmatte.matte_from_mask(image, mask, erode=20, dilate=15)
print(result.description)

# %%
# From alpha to a cut-out
# -----------------------
# :func:`hybridmatte.decontaminate` removes the colours of the old background from the edges.

cutout = hybridmatte.decontaminate(image, result.alpha)
on_paper = hybridmatte.composite(cutout[:, :, :3], cutout[:, :, 3], (0.96, 0.95, 0.92))

pictures = {
    "image": image,
    "mask": mask / 255,
    "trimap, made from the mask": result.trimap,
    "alpha": result.alpha,
    "cut-out over another colour": on_paper,
}
figure, axes = plt.subplots(2, 3, figsize=(10, 5), layout="constrained")
for axis, (title, picture) in zip(axes.flat, pictures.items(), strict=False):
    axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axis.set_title(title)
for axis in axes.flat:
    axis.axis("off")
