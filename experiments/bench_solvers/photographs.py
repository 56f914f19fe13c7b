"""One method pair on the photographs, in a fresh process: ours and the peer in turn."""

import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from baselines.closed_form import closed_form_laplacian
from baselines.solve import solve_system
from experiments.bench_solvers.pairs import Pair, ours, theirs
from experiments.data_sets import Case, alphamatting_cases
from experiments.results import Row, make_row
from experiments.timing import summarise
from hybridmatte import mse, sad, split_trimap

PAUSE = 0.5  # s before each call, until no thread of the last one is left spinning


def compare(
    pair: Pair,
    data: Path,
    images: Sequence[str],
    trimaps: Sequence[str],
    rounds: int,
    max_seconds: float,
    direct: Sequence[str],
) -> list[Row]:
    """Return the rows of ours and of the peer on every case, after one untimed call of each.

    On trimap1 of the images `direct`, ours is also compared with a direct solve.
    """
    sides, rows = {"hybridmatte": ours(pair.method)}, []
    if pair.peer is not None:
        sides[pair.peer] = theirs(pair)
    for number, case in enumerate(alphamatting_cases(data, images, trimaps)):
        if number == 0:
            run_in_turn(sides, case, 1, 0.0)
        for package, run in run_in_turn(sides, case, rounds, max_seconds).items():
            row = case_row(pair, package, case, *run)
            if package == "hybridmatte" and case.name in direct and case.trimap_name == "trimap1":
                row["error"]["direct"] = direct_difference(case, run[0])
            rows.append(row)
    return rows


def case_row(pair: Pair, package: str, case: Case, alpha: np.ndarray, seconds: list[float], said: list[str]) -> Row:
    """Return the row of one side on one case."""
    if not (np.isfinite(alpha).all() and alpha.min() >= 0.0 and alpha.max() <= 1.0):
        raise ValueError(f"alpha of {package} {pair.method} on {case.name} is not finite or outside [0, 1]")
    timing = summarise(seconds)
    error = {"sad": sad(alpha, case.alpha, case.trimap), "mse": mse(alpha, case.alpha, case.trimap)}
    n_unknown = int(np.count_nonzero(split_trimap(case.trimap).is_unknown))
    return {
        "bench": "photographs",
        "package": package,
        "peer": pair.peer,
        **make_row(
            pair.method,
            f"{case.name} {case.trimap_name}",
            n_unknown,
            error,
            median_s=timing.median_s,
            iqr_s=timing.iqr_s,
            count=timing.count,
            warnings=said,
        ),
    }


def direct_difference(case: Case, alpha: np.ndarray) -> float:
    """Return the largest difference from the direct solve of the oracle's closed-form system."""
    laplacian = closed_form_laplacian(case.image, is_unknown=split_trimap(case.trimap).is_unknown)
    return float(np.abs(solve_system(laplacian, case.trimap) - alpha).max())


def run_in_turn(sides: dict[str, Callable], case: Case, rounds: int, max_seconds: float) -> dict[str, tuple]:
    """Return {package: (first alpha, seconds of every round, kinds of warnings)}; ours first in each round."""
    alphas, seconds, said = {}, {package: [] for package in sides}, {package: set() for package in sides}
    for _ in range(rounds):
        for package, run in sides.items():
            time.sleep(PAUSE)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                alpha, spent = run(case.image, case.trimap)
            said[package].update(f"{entry.category.__name__}: {str(entry.message)[:80]}" for entry in caught)
            alphas.setdefault(package, np.asarray(alpha))
            seconds[package].append(spent)
        if sum(map(sum, seconds.values())) > max_seconds:
            break
    return {package: (alphas[package], seconds[package], sorted(said[package])) for package in sides}
