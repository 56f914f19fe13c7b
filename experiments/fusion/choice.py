"""The share of hard scenes, chosen on one set of photographs and reported on the other."""

from collections.abc import Sequence

import numpy as np

from experiments.data_sets import TRIMAPS
from experiments.fusion.judged import SOLVERS, Found, methods_of
from experiments.tables import table

CHOICE_TEXT = (
    "How much of the hard scenes to learn from, chosen without the photographs reported on. Each row learns and is "
    "judged in four folds inside one set. Its score is the geometric mean, over both trimaps and the stress sets (but "
    "for parts of another photograph), of the ratio of mean SAD to the better solver's. The least score is chosen; the "
    "networks of the whole set are then scored on the other set."
)


def choice_tables(
    found: Found, stress: Sequence[str], groups: Sequence[tuple[str, Sequence[str], Sequence[str]]]
) -> list[str]:
    """Return the choice on each group of photographs (its name, it, and those reported on); nothing if not scored."""
    methods = methods_of(found, "inside")
    if not methods:
        return []
    tables = [CHOICE_TEXT]
    for about, inside, outside in groups:
        scores = {name: ratio_of_sets(found, name, "inside", stress, inside) for name in methods}
        chosen = min(scores, key=scores.__getitem__)
        lines = [
            [
                name + (", chosen" if name == chosen else ""),
                f"{scores[name]:.3f}",
                f"{ratio_of_sets(found, name, 'sets', stress, outside):.3f}",
                " / ".join(f"{np.mean(found[name, trimap, 'sets'].means('sad', outside)):.2f}" for trimap in TRIMAPS),
            ]
            for name in methods
        ]
        tables += [about, table(["method", "ratio inside", "ratio on the other set", "SAD / 1000 there"], lines)]
    return tables


def ratio_of_sets(found: Found, method: str, protocol: str, stress: Sequence[str], photographs: Sequence[str]) -> float:
    """Return the geometric mean over the sets of a method's mean SAD over the better solver's, on some photographs."""
    logarithms = [
        np.log(
            np.mean(found[method, kind, protocol].means("sad", photographs))
            / min(found[solver, kind, None].means("sad", photographs)[0] for solver in SOLVERS)
        )
        for kind in (*TRIMAPS, *stress)
    ]
    return float(np.exp(np.mean(logarithms)))
