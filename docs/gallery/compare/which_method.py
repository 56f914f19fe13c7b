"""
Which method when
=================

Each method assumes something else about alpha. :func:`hybridmatte.compare_methods` runs several
methods on one picture, and :func:`hybridmatte.contact_sheet` draws the results side by side.
"""

import cv2
import matplotlib.pyplot as plt
import numpy as np

import hybridmatte
from hybridmatte.data import composite_sample, random_scene

# %%
# Three scenes
# ------------
# Fur is an edge between two colours. Between the leaves of the plant there are gaps that the
# trimap does not mark. Lace consists of threads of one or two pixels, so nearly all of it is
# unknown.

scenes = {}
for kind, seed in {"fur": 2, "plant": 2, "lace": 5}.items():
    generator = np.random.default_rng(seed)
    spots = np.float32(generator.random((5, 6, 3)) * 0.4 + 0.3)
    background = cv2.resize(spots, (240, 200), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    drawn = random_scene((200, 240), generator, kind=kind)
    scenes[kind] = composite_sample(drawn, background)
trimaps = {kind: hybridmatte.trimap_from_alpha(scene.alpha, erode=3, dilate=6) for kind, scene in scenes.items()}

# %%
# All methods
# -----------
# Without a list of methods, :func:`hybridmatte.compare_methods` tries the default (called "best")
# and each entry of `hybridmatte.METHODS`. The table gives the SAD in pixels over the unknown
# region. Less is better.

trials = {kind: hybridmatte.compare_methods(scene.image, trimaps[kind]) for kind, scene in scenes.items()}
print(f"{'method':18s}" + "".join(f"{kind:>8s}" for kind in scenes))
for row in zip(*trials.values(), strict=True):
    errors = [
        hybridmatte.sad(trial.alpha, scenes[kind].alpha, trimaps[kind]) for kind, trial in zip(scenes, row, strict=True)
    ]
    print(f"{row[0].method:18s}" + "".join(f"{error:8.0f}" for error in errors))

# %%
# The contact sheet of the lace
# -----------------------------
# Each card shows the alpha and the part of the picture in which the methods differ most, over a
# plain colour.

figure, axis = plt.subplots(figsize=(10, 6.4), layout="constrained")
sheet = hybridmatte.contact_sheet(scenes["lace"].image, trimaps["lace"], trials["lace"])
axis.imshow(sheet)
axis.axis("off")

# %%
# Drawn scenes show what each method can and cannot do, but they do not rank the methods:
# photographs do, in :doc:`the benchmark </docs/results/bench_solvers>`.
# :doc:`/docs/guide/choosing_a_method` gives advice.
