"""Errors of solvers and of what joins them, on the twelve photographs with true alpha."""

from functools import cache

import numpy as np

from experiments.common import alphamatting_cases
from experiments.fusion.training import left_out, trusted_without
from hybridmatte import METHODS, gradient_error, mse, sad, solve
from hybridmatte.correction.features import fusion_features
from hybridmatte.correction.matting import corrected, solve_all
from hybridmatte.systems.problem import check_problem

FOLDS = 4
AVERAGED = ("cf", "knn", "information_flow", "sampling")
AVERAGE, ORACLE, FUSION = "average of the best four", "oracle: best solver of each photograph", "fusion"


def in_fold(names, fold):
    """Return those of the photographs' names that a fold scores and does not learn from."""
    return names[fold::FOLDS]


def errors_of(alpha, case):
    """Return SAD / 1000, MSE x 1000 and the gradient error / 1000 of an alpha on the unknown pixels."""
    planes = np.float32(alpha), case.alpha, case.trimap
    return {"sad": sad(*planes) / 1000, "mse": 1000 * mse(*planes), "grad": gradient_error(*planes) / 1000}


def score_solvers(cases):
    """Return rows of every solver, the average of four, and the oracle."""
    rows = []
    for case in cases:
        image = np.float32(case.image)
        alphas = {name: solve(image, case.trimap, name) for name in METHODS}
        found = {name: errors_of(alpha, case) for name, alpha in alphas.items()}
        found[ORACLE] = min(found.values(), key=lambda errors: errors["sad"])
        found[AVERAGE] = errors_of(np.mean([alphas[name] for name in AVERAGED], axis=0), case)
        rows += [row_of(name, case, errors) for name, errors in found.items()]
    return rows


def row_of(method, case, errors, seed=None):
    """Return a row of result.json."""
    subject = f"{case.name} {case.trimap_name}" + ("" if seed is None else f" seed {seed}")
    return {"method": method, "subject": subject, "size": [*case.alpha.shape], "median_s": None, "iqr_s": None,
            "peak_mib": None, "error": errors}


def score_fusion(network, method, data, names, seed, without=()):
    """Return rows of the errors of a `Perceptron` that was trained `without` some features, on some photographs."""
    rows = []
    for case, features, is_open, alpha in (found for name in names for found in _solved_cases(data, name)):
        features, alpha = features.copy(), alpha.copy()
        features[:, left_out(without)] = 0  # as while training
        alpha[is_open] = corrected(network, features, trusted_without(without))
        rows.append(row_of(method, case, errors_of(alpha, case), seed))
    return rows


@cache
def _solved_cases(data, name):
    """Return a photograph's cases, each with features (n, F) of its open pixels, where these are, and first alpha."""
    found = []
    for case in alphamatting_cases(data, [name]):
        solved = solve_all(check_problem(np.float32(case.image), case.trimap))
        is_open = solved.known == 0.5
        found.append((case, fusion_features(solved, is_open), is_open, solved.alpha))
    return found
