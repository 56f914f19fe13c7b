"""
Closed-form matting from its parts
==================================

:func:`hybridmatte.solve_cf` in four steps: the Laplacian says which pixels have similar alpha,
the known pixels turn it into a linear system, a preconditioner approximates the inverse, and
conjugate gradients solve the system. A new method replaces the first step and keeps the others:
see :doc:`/docs/adding_a_laplacian`.
"""

# sphinx_gallery_thumbnail_number = 2
import cv2
import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse.linalg import spsolve

import hybridmatte
from hybridmatte.data import composite_sample, random_scene
from hybridmatte.linalg.multigrid import ColorLineMultigrid
from hybridmatte.methods.closed_form import closed_form_system

generator = np.random.default_rng(0)
spots = generator.random((4, 5, 3)) * 0.4 + 0.2
background = cv2.resize(np.float32(spots), (200, 160), interpolation=cv2.INTER_CUBIC)
scene = composite_sample(random_scene((160, 200), generator, kind="fur"), background)
trimap = hybridmatte.trimap_from_alpha(scene.alpha, erode=4, dilate=6)
image = scene.image

# %%
# 1. Similarity: the Laplacian
# ----------------------------
# Closed form assumes that alpha is affine in colour in every window of 3 x 3 pixels. What an
# alpha costs is ``alpha' L alpha`` with a sparse matrix L. A row of L couples a pixel with the 5
# x 5 pixels around it. Blue entries are negative: they draw the two alphas together.

laplacian = hybridmatte.closed_form_laplacian(image)
print(laplacian.shape, f"{laplacian.nnz / laplacian.shape[0]:.1f} entries in a row")

y, x = np.argwhere((scene.alpha > 0.4) & (scene.alpha < 0.6))[40]
row = laplacian[y * image.shape[1] + x].toarray().reshape(trimap.shape)
figure, (left, right) = plt.subplots(1, 2, figsize=(7, 3.2), layout="constrained")
left.imshow(image[y - 2 : y + 3, x - 2 : x + 3])
left.set_title("5 x 5 pixels")
patch = row[y - 2 : y + 3, x - 2 : x + 3]
entries = right.imshow(patch, cmap="RdBu_r", norm="symlog", vmin=-1, vmax=1)
right.set_title("their entries in the row of L")
figure.colorbar(entries)
for axis in (left, right):
    axis.axis("off")

# %%
# 2. The linear system
# --------------------
# The known alphas are fixed, so only the rows of the unknown pixels remain: ``L_uu a_u = -L_uk
# a_k``. Cost and memory follow the unknown region and not the image.

regions = hybridmatte.split_trimap(trimap)
unknown, known = regions.is_unknown.ravel(), regions.is_known.ravel()
known_alpha = regions.is_foreground.astype(np.float32)
matrix = laplacian[unknown][:, unknown]
rhs = -laplacian[unknown][:, known] @ known_alpha.ravel()[known]
direct = spsolve(matrix.tocsc(), rhs)

# %%
# `solve_cf` never builds the large sparse matrix. It assembles the same system as a
# :class:`~hybridmatte.systems.stencil.StencilSystem`: per unknown pixel, 12 of the 25 entries
# (the matrix is symmetric) and the diagonal.

system = closed_form_system(image, regions.is_unknown, known_alpha)
vector = np.zeros(len(system.rhs))
vector[system.pixels >= 0] = generator.random(unknown.sum())
plane = np.zeros(trimap.shape)
plane.ravel()[system.pixels[system.pixels >= 0]] = system.pixel_values(vector)
product = system.pixel_values(system.matvec(vector))
expected = matrix @ plane.ravel()[unknown]
print(f"largest difference of the two products: {abs(product - expected).max():.1e}")

# %%
# 3. The preconditioner
# ---------------------
# The system is badly conditioned, because an alpha that is affine in colour costs almost nothing,
# over any distance. :class:`~hybridmatte.linalg.multigrid.ColorLineMultigrid` solves for exactly
# these alphas on a coarse grid: its coarse functions are 1, R, G and B on blocks of 4 x 4 pixels.
# We compare it with the diagonal, and with nothing.

diagonal = np.where(system.diagonal > 0, system.diagonal, 1)
preconditioners = {
    "none": lambda residual: residual,
    "diagonal": lambda residual: residual / diagonal,
    "colour-line multigrid": ColorLineMultigrid(system, image),
}

# %%
# 4. Conjugate gradients
# ----------------------
# The methods of ``hybridmatte.linalg`` know matrices and nothing of images. A preconditioner is a
# function, so we wrap it to record the residuals.


def recorded(precondition, norms):
    """Return a preconditioner that appends the norm of each residual to a list."""

    def apply(residual):
        norms.append(np.linalg.norm(residual) / np.linalg.norm(system.rhs))
        return precondition(residual)

    return apply


figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
for name, precondition in preconditioners.items():
    norms = []
    recording = recorded(precondition, norms)
    result = hybridmatte.conjugate_gradient(system.matvec, system.rhs, recording, rtol=1e-8)
    print(f"{name:22s} {result.iterations:4d} iterations")
    axis.semilogy(norms, label=name)
axis.set_xlabel("iteration")
axis.set_ylabel("relative residual")
axis.legend()

# %%
# The alpha
# ---------
# The last result is that of the multigrid. It equals the direct solve, and what
# :func:`hybridmatte.solve_cf` returns.

alpha = known_alpha.copy()
pixels = system.pixels[system.pixels >= 0]
alpha.ravel()[pixels] = system.pixel_values(result.x).clip(0, 1)
from_direct = abs(alpha.ravel()[unknown] - direct.clip(0, 1)).max()
from_solve_cf = abs(alpha - hybridmatte.solve_cf(image, trimap)).max()
print(f"largest difference from the direct solve {from_direct:.1e}, from solve_cf {from_solve_cf:.1e}")

figure, axes = plt.subplots(1, 3, figsize=(10, 2.8), layout="constrained")
pictures = {"image": image, "trimap": trimap, "alpha": alpha}
for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
    axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axis.set_title(title)
    axis.axis("off")
