"""Sum up each prior over the selected pairs of every photograph, for the true alpha and for its hard version."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from experiments.data_sets import alphamatting_cases
from experiments.results import Row, make_row
from experiments.true_alpha_cost import Options
from hybridmatte import window_topk

WINDOW = 11  # pixels, the paper's
Array = npt.NDArray[np.float32]


def run(options: Options) -> Iterator[list[Row]]:
    """Yield the rows of both alphas on each photograph."""
    for case in alphamatting_cases(options.data, None, ("trimap1",)):
        distances, first, second = selected_pairs(case.image.astype(np.float32))
        is_unknown = ((case.trimap > 0.1) & (case.trimap < 0.9)).ravel()
        inside = is_unknown[first] & is_unknown[second]
        parts = {"": slice(None), "_unknown": inside, "_unknown_others": inside & (first != second)}
        rows = []
        for name, alpha in (("true", case.alpha), ("hard", np.float32(case.alpha >= 0.5))):
            differences = alpha.ravel()[first] - alpha.ravel()[second]
            errors = {
                f"{key}{ending}": value
                for ending, chosen in parts.items()
                for key, value in costs(differences[chosen], distances[chosen]).items()
            }
            rows.append(make_row(name, case.name, alpha.shape, errors))
        yield rows


def selected_pairs(image: Array) -> tuple[Array, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return distance, first and second pixel of all selected pairs of an image, each (n,)."""
    found = window_topk(image, WINDOW)
    count = found.distances.shape[-1]
    first = np.repeat(np.arange(image.shape[0] * image.shape[1]), count)
    return found.distances.ravel(), first, first + found.offsets.ravel()


def costs(differences: Array, distances: Array) -> dict[str, float]:
    """Return the means over pairs of the priors, of |x| and of d, for differences x of alpha."""
    x, d = differences.astype(np.float64), distances.astype(np.float64)
    return {
        "dc": float(np.abs(np.abs(x) - d).mean()),
        "ddc": float(np.abs(x - d).mean()),
        "hinge": float(np.maximum(np.abs(x) - d, 0).mean()),
        "x": float(np.abs(x).mean()),
        "d": float(d.mean()),
    }
