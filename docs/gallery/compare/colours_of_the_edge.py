"""
Why a cut-out needs foreground colours
======================================

A pixel at a soft edge shows a mixture of object and background. An alpha alone does not undo the
mixture: with the colours of the photograph, the old background shines through at every edge. The
colours of the object have to be estimated.
"""

import matplotlib.pyplot as plt
import numpy as np

import hybridmatte
from hybridmatte.data import composite_sample, random_scene

# %%
# The scene
# ---------
# Light fur in front of a green screen.

generator = np.random.default_rng(5)
background = np.ones((320, 384, 3), np.float32) * np.float32((0.1, 0.6, 0.2))
scene = composite_sample(random_scene((320, 384), generator, kind="fur"), background)
trimap = hybridmatte.trimap_from_alpha(scene.alpha, erode=5, dilate=5)
alpha = hybridmatte.matte(scene.image, trimap)

# %%
# Three composites over pink
# --------------------------
# * With the colours of the photograph, the fur stays green.
# * With the colours of :func:`hybridmatte.estimate_foreground`, most of the green is gone.
# * The last one has the true alpha and the true colours.

pink = (0.95, 0.75, 0.8)
foreground = hybridmatte.estimate_foreground(scene.image, alpha)
truth = hybridmatte.composite(scene.foreground, scene.alpha, pink)
pictures = {
    "colours of the photograph": hybridmatte.composite(scene.image, alpha, pink),
    "estimated colours": hybridmatte.composite(foreground, alpha, pink),
    "truth": truth,
}
for name, picture in pictures.items():
    error = 255 * abs(picture - truth)[trimap == 0.5].mean()
    print(f"{name:26s} mean error {error:5.2f} of 255")

figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture[20:140, 130:290])
    axis.set_title(title)
    axis.axis("off")

# %%
# Both layers
# -----------
# :func:`hybridmatte.estimate_layers` also returns the colours of the background behind the
# object.

layers = hybridmatte.estimate_layers(scene.image, alpha)
figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
pictures = {"image": scene.image, **layers._asdict()}
for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
