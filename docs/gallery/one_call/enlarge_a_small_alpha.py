"""
Enlarge a small alpha
=====================

Networks often see a photograph at a few hundred pixels, and their alpha is as small.
Interpolation blurs the edges. :func:`hybridmatte.refine` brings the alpha to the size of the
photograph and to the edges that the photograph shows.
"""

import cv2
import matplotlib.pyplot as plt
import numpy as np

import hybridmatte
from hybridmatte.data import composite_sample, random_scene

# %%
# The inputs
# ----------
# The photograph has 480 x 576 pixels. The alpha has 60 x 72, as if from a network that saw the
# photograph at an eighth of its size.

generator = np.random.default_rng(6)
spots = generator.random((5, 6, 1)) * (0.4, 0.2, 0.2) + (0.2, 0.1, 0.1)
background = cv2.resize(np.float32(spots), (576, 480), interpolation=cv2.INTER_CUBIC)
scene = composite_sample(random_scene((480, 576), generator, kind="fur"), background)
small = cv2.resize(scene.alpha, (72, 60), interpolation=cv2.INTER_AREA)

# %%
# One call
# --------
# Only a band around the edges of the alpha is solved for, with the small alpha as a prior.

refined = hybridmatte.refine(scene.image, small)
interpolated = cv2.resize(small, (576, 480), interpolation=cv2.INTER_LINEAR)
for name, alpha in {"interpolated": interpolated, "refined": refined}.items():
    error = hybridmatte.sad(alpha, scene.alpha, region="whole")
    print(f"{name:12s}  SAD {error:5.0f} pixels")

# %%
# A detail of the edge:

crop = np.s_[40:200, 170:362]
pictures = {
    "image": scene.image,
    "true alpha": scene.alpha,
    "interpolated": interpolated,
    "refined": refined,
}
figure, axes = plt.subplots(1, 4, figsize=(12, 3), layout="constrained")
for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture[crop], cmap="gray", vmin=0, vmax=1)
    axis.set_title(title)
    axis.axis("off")
