"""
Cut an object out with a trimap
===============================

A trimap says which pixels are surely background (0), which are surely foreground (1), and which
are unknown (anything between). :func:`hybridmatte.cutout` finds the alpha of the unknown pixels
and the colours of the object.
"""

import cv2
import matplotlib.pyplot as plt
import numpy as np

import hybridmatte
from hybridmatte.data import composite_sample, random_scene

# %%
# The scene
# ---------
# We draw a head with hair over a blurred background, so that the true alpha is known. Your own
# pictures come from :func:`hybridmatte.read_image` and :func:`hybridmatte.read_trimap`.

generator = np.random.default_rng(2)
spots = generator.random((5, 6, 1)) * (0.2, 0.4, 0.2) + (0.1, 0.2, 0.3)  # greens and blues
background = cv2.resize(np.float32(spots), (384, 320), interpolation=cv2.INTER_CUBIC)
scene = composite_sample(random_scene((320, 384), generator, kind="hair"), background)
trimap = hybridmatte.trimap_from_alpha(scene.alpha, erode=5, dilate=5)

# %%
# One call
# --------
# The result is RGBA, ready for :func:`hybridmatte.write_image`. Its colours are the object's own:
# at the edges they are not mixed with the old background any more.

cutout = hybridmatte.cutout(scene.image, trimap)
print(cutout.shape, cutout.dtype)

on_white = hybridmatte.composite(cutout[:, :, :3], cutout[:, :, 3], np.ones(3))
pictures = {"image": scene.image, "trimap": trimap, "cut-out over white": on_white}
figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axis.set_title(title)
    axis.axis("off")

# %%
# How good is it?
# ---------------
# Errors are taken over the unknown region, in pixels: SAD is the sum of the absolute differences
# from the true alpha.

error = hybridmatte.sad(cutout[:, :, 3], scene.alpha, trimap)
print(f"SAD {error:.0f} of {(trimap == 0.5).sum()} unknown pixels")
