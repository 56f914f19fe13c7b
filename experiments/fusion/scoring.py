"""Errors of the solvers and of the correction network on the twelve photographs with true alpha."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.data_sets import Case, alphamatting_cases
from experiments.fusion import AVERAGE, FOLDS, ORACLE
from experiments.fusion.training import base_without, left_out
from experiments.results import Row, make_row
from hybridmatte import METHODS, gradient_error, mse, sad, solve
from hybridmatte.correction.estimates import solver_estimates
from hybridmatte.correction.features import correction_features
from hybridmatte.correction.matting import corrected_alpha
from hybridmatte.correction.network import Perceptron
from hybridmatte.systems.problem import check_problem

AVERAGED = ("cf", "knn", "information_flow", "sampling")


class SolvedCase(NamedTuple):
    """A case, the features (n, F) of its unknown pixels, where these are (H, W), and the solver's alpha (H, W)."""

    case: Case
    features: np.ndarray
    is_unknown: np.ndarray
    alpha: np.ndarray


def in_fold(names: Sequence[str], fold: int) -> Sequence[str]:
    """Return those of the photographs' names that a fold scores and does not learn from."""
    return names[fold::FOLDS]


def score_solvers(cases: Iterable[Case]) -> list[Row]:
    """Return rows of every solver, the average of four, and the oracle."""
    rows = []
    for case in cases:
        image = np.float32(case.image)
        alphas = {name: solve(image, case.trimap, name) for name in METHODS}
        found = {name: errors_of(alpha, case) for name, alpha in alphas.items()}
        found[ORACLE] = min(found.values(), key=lambda errors: errors["sad"])
        found[AVERAGE] = errors_of(np.mean([alphas[name] for name in AVERAGED], axis=0), case)
        rows += [
            make_row(name, f"{case.name} {case.trimap_name}", case.alpha.shape, errors)
            for name, errors in found.items()
        ]
    return rows


def score_network(
    network: Perceptron, method: str, data: Path, names: Sequence[str], seed: int, without: Sequence[str] = ()
) -> list[Row]:
    """Return rows of the errors of a network that was trained `without` some features, on some photographs."""
    rows = []
    for name in names:
        for case, features, is_unknown, alpha in solve_cases(data, name):
            features, alpha = features.copy(), alpha.copy()
            features[:, left_out(without)] = 0  # as while training
            alpha[is_unknown] = corrected_alpha(network, features, base_without(without))
            rows.append(
                make_row(
                    method, f"{case.name} {case.trimap_name} seed {seed}", case.alpha.shape, errors_of(alpha, case)
                )
            )
    return rows


def errors_of(alpha: np.ndarray, case: Case) -> dict[str, float]:
    """Return SAD / 1000, MSE x 1000 and the gradient error / 1000 of an alpha on the unknown pixels."""
    planes = np.float32(alpha), case.alpha, case.trimap
    return {"sad": sad(*planes) / 1000, "mse": 1000 * mse(*planes), "grad": gradient_error(*planes) / 1000}


@cache
def solve_cases(data: Path, name: str) -> list[SolvedCase]:
    """Return a photograph's cases, solved."""
    found = []
    for case in alphamatting_cases(data, [name]):
        estimates = solver_estimates(check_problem(np.float32(case.image), case.trimap))
        is_unknown = estimates.known == 0.5
        found.append(SolvedCase(case, correction_features(estimates, is_unknown), is_unknown, estimates.alpha))
    return found
