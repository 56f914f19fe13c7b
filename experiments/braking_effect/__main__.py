"""Write braking_effect.png, roots of the window's recurrence and a drawn hair, and hair_growth.png, on photographs."""

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np

from experiments.braking_effect.photographs import draw_growth, grow_hair
from experiments.common import add_data_argument
from experiments.descent import PRIORS, descend, to_batch

FOLDER = Path(__file__).parent
LENGTH, BODY, HEIGHT = 48, 16, 15  # pixels: of the hair, of the body to its left, of the scene
STEPS, RATE = 3000, 0.02
SNAPSHOTS = (100, 500, 3000)


def recurrence(window_size):
    """Return the coefficients of ``sum_j x^j - K x^m`` = 0, which ``a_t = mean of a_{t-m} ... a_{t+m}`` leads to."""
    coefficients = np.ones(window_size)
    coefficients[window_size // 2] -= window_size
    return coefficients


def multiplicity_of_one(coefficients):
    """Count how often 1 is a root, by exact division by x - 1."""
    count = 0
    while abs(np.polyval(coefficients, 1.0)) < 1e-9:
        coefficients = np.polydiv(coefficients, [1.0, -1.0])[0]
        count += 1
    return count


def residual(sequence, window_size):
    """Return ``mean of the window - value`` at the inner places of a sequence."""
    means = np.convolve(sequence, np.ones(window_size) / window_size, mode="valid")
    half = window_size // 2
    return means - sequence[half:-half]


def hair_scene():
    """A yellow body with one hair, one pixel wide, over blue: image, trimap and true alpha.

    Known are the body's left half and the background away from the hair.
    """
    width = BODY + LENGTH + 8
    alpha = np.zeros((HEIGHT, width))
    alpha[:, :BODY] = 1.0
    alpha[HEIGHT // 2, :BODY + LENGTH] = 1.0
    image = alpha[:, :, None] * np.array([0.9, 0.8, 0.2]) + (1 - alpha[:, :, None]) * np.array([0.1, 0.2, 0.6])
    trimap = np.full(alpha.shape, 0.5)
    trimap[:, :BODY - 4] = 1.0
    trimap[[0, -1], BODY + 4:] = 0.0
    trimap[:, -4:] = 0.0
    return image, trimap, alpha


def grow(image, trimap, start):
    """Return each prior's alphas along the hair after the steps of SNAPSHOTS, {prior: (3, length)}."""
    row = slice(BODY, BODY + LENGTH)
    grown = {}
    for prior in PRIORS:
        if PRIORS[prior] is None:
            continue
        final, history = descend(image, trimap, prior, start=start, steps=STEPS, rate=RATE, every=1)
        history.append(final)
        grown[prior] = np.stack([history[step][HEIGHT // 2, row] for step in SNAPSHOTS])
    return grown


def ramp_costs(image, alpha):
    """Return each prior's loss for hairs that end in a step, in a ramp over the whole length, and for the true one."""
    row = (HEIGHT // 2, slice(BODY, BODY + LENGTH))
    shapes = {"true": np.ones(LENGTH), "step half way": (np.arange(LENGTH) < LENGTH // 2).astype(float),
              "ramp": np.linspace(1, 0, LENGTH)}
    costs = {}
    for prior, loss in PRIORS.items():
        if loss is not None:
            costs[prior] = {}
            for name, values in shapes.items():
                changed = alpha.copy()
                changed[row] = values
                costs[prior][name] = loss(to_batch(changed), to_batch(image)).item()
    return costs


def main():
    """Print the numbers and draw the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_data_argument(parser)
    parser.add_argument("--part", choices=["drawn", "photographs", "both"], default="both",
                        help="the photographs need the data folder (default: both)")
    arguments = parser.parse_args()
    mpl.use("Agg")
    if arguments.part != "photographs":
        study_drawn_hair()
    if arguments.part != "drawn":
        grown = grow_hair(arguments.data)
        for prior in PRIORS:
            if PRIORS[prior] is not None:
                last = np.stack([image[prior][-1] for image in grown.values()])
                print(f"{prior}: mean of {len(last)} images, hair and background", last.mean(axis=0).round(3).tolist(),
                      "standard deviation", last.std(axis=0, ddof=1).round(3).tolist())
        draw_growth(grown, FOLDER / "hair_growth.png")


def study_drawn_hair():
    """Print roots, residuals, costs and the growth of a drawn hair, and draw them."""
    for window_size in (3, 5, 11):
        coefficients = recurrence(window_size)
        once_more = np.polymul(coefficients, [1.0, -1.0])
        t = np.arange(40.0)
        found = residual(0.01 * t**2, window_size)
        print(f"K = {window_size}: 1 is a root {multiplicity_of_one(coefficients)} times, of the differenced "
              f"recurrence {multiplicity_of_one(once_more)} times; residual of 0.01 t^2 {found.min():.6f} to "
              f"{found.max():.6f}, (K^2 - 1) / 1200 = {(window_size**2 - 1) / 1200:.6f}; of a ramp "
              f"{abs(residual(t, window_size)).max():.1e}")
    image, trimap, alpha = hair_scene()
    start = np.where(trimap == 0.5, 0.0, trimap)
    start[:, :BODY] = 1.0
    for prior, costs in ramp_costs(image, alpha).items():
        print(prior, ", ".join(f"{name} {cost:.5f}" for name, cost in costs.items()))
    grown = grow(image, trimap, start)
    for prior, profiles in grown.items():
        print(f"{prior}: mean alpha along the hair after {SNAPSHOTS} steps", profiles.mean(axis=1).round(3).tolist())
    draw(grown)


def draw(grown):
    """Draw the roots for K = 11, and the hairs."""
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 1 + len(grown), figsize=(3.2 * (1 + len(grown)), 3.1), layout="constrained")
    roots = np.roots(recurrence(11))
    axes[0].scatter(roots.real, roots.imag, s=18)
    axes[0].scatter([1], [0], s=90, facecolors="none", edgecolors="crimson", label="1, twice")
    axes[0].set(title="roots, K = 11", aspect="equal")
    axes[0].legend(loc="upper left")
    for axis, (prior, profiles) in zip(axes[1:], grown.items(), strict=True):
        for step, profile in zip(SNAPSHOTS, profiles, strict=True):
            axis.plot(profile, label=f"{step} steps")
        axis.set(title=prior, xlabel="pixels from the body", ylim=(-0.05, 1.05))
    axes[1].set_ylabel("alpha along the hair")
    axes[1].legend()
    figure.savefig(FOLDER / "braking_effect.png", dpi=100)


if __name__ == "__main__":
    main()
