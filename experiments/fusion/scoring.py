"""Errors of solvers and of what joins them, on the twelve photographs with true alpha."""

import numpy as np

from experiments.common import alphamatting_cases
from experiments.fusion.training import trusted_without
from hybridmatte import METHODS, gradient_error, mse, sad, solve
from hybridmatte.fusion_features import SOLVERS, fusion_features
from hybridmatte.solver.system import check_problem
from hybridmatte.solver_fusion import corrected, disputed, first_alpha, solve_all

FOLDS = 4
AVERAGE, ORACLE, FUSION = "average of the four", "oracle: best solver of each photograph", "fusion"


def labelled_cases(data):
    """Return the twelve photographs with both trimaps."""
    return list(alphamatting_cases(data))


def in_fold(names, fold):
    """Return those of the photographs' names that a fold scores and does not learn from; none for None."""
    return [] if fold is None else names[fold::FOLDS]


def errors_of(alpha, case):
    """Return SAD / 1000, MSE x 1000 and the gradient error / 1000 of an alpha on the unknown pixels."""
    planes = np.float32(alpha), case.alpha, case.trimap
    return {"sad": sad(*planes) / 1000, "mse": 1000 * mse(*planes), "grad": gradient_error(*planes) / 1000}


def score_solvers(cases):
    """Return rows of every solver, the average of those that are fused, and the oracle."""
    rows = []
    for case in cases:
        image = np.float32(case.image)
        alphas = {name: solve(image, case.trimap, name) for name in METHODS}
        found = {name: errors_of(alpha, case) for name, alpha in alphas.items()}
        found[ORACLE] = min(found.values(), key=lambda errors: errors["sad"])
        found[AVERAGE] = errors_of(np.mean([alphas[name] for name in SOLVERS], axis=0), case)
        rows += [row_of(name, case, errors) for name, errors in found.items()]
    return rows


def row_of(method, case, errors, seed=None):
    """Return a row of result.json."""
    subject = f"{case.name} {case.trimap_name}" + ("" if seed is None else f" seed {seed}")
    return {"method": method, "subject": subject, "size": [*case.alpha.shape], "median_s": None, "iqr_s": None,
            "peak_mib": None, "error": errors}


def score_trees(trees, method, cases, seed, without=()):
    """Return rows of the errors of trees that were trained `without` some features."""
    rows = []
    for case in cases:
        features, is_open, alpha = _open_features(case)
        alpha = alpha.copy()
        alpha[is_open] = corrected(trees, features, trusted_without(without))
        rows.append(row_of(method, case, errors_of(alpha, case), seed))
    return rows


FOUND = {}  # of each photograph and trimap scored so far


def _open_features(case):
    """Return features (n, F) of a case's disputed pixels, where they are, and alpha elsewhere, made once a process."""
    key = case.name, case.trimap_name
    if key not in FOUND:
        solved = solve_all(check_problem(np.float32(case.image), case.trimap))
        is_open = disputed(solved)
        FOUND[key] = fusion_features(solved, is_open), is_open, first_alpha(solved)
    return FOUND[key]
