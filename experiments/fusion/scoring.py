"""Errors of solvers, of what joins them, and of networks, on the twelve photographs with true alpha."""

import numpy as np
import torch

from experiments.common import alphamatting_cases
from hybridmatte import METHODS, gradient_error, mse, sad, solve
from hybridmatte.solver.system import check_problem
from hybridmatte.solver_fusion import CANDIDATES, FAST, PLANES, SOLVERS, fusion_planes, solve_all

FOLDS = 4
LEARNED, HELD_OUT = "objects learned from", "objects held out"
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


def score_network(network, method, cases, seed, without=()):
    """Return rows of a network's errors; planes called `without` are 0."""
    zeroed, rows = [PLANES.index(name) for name in without], []
    for case in cases:
        solved = _solved(case)
        planes = fusion_planes(solved)
        planes[zeroed] = 0
        with torch.no_grad():
            alpha = network(torch.from_numpy(planes)[None])[0, 0].numpy()
        alpha = np.where(solved.known == 0.5, alpha, solved.known)
        rows.append(row_of(method, case, errors_of(alpha, case), seed))
    return rows


def errors_of_scene(network, scene):
    """Return the summed absolute errors of a network and of information flow on a scene's unknown pixels."""
    solved, alpha = scene.part(slice(None), slice(None))
    planes = fusion_planes(solved)
    with torch.no_grad():
        fused = network(torch.from_numpy(planes)[None])[0, 0].numpy()
    is_unknown, single = solved.known == 0.5, planes[CANDIDATES.index(FAST)]
    return {"fused": np.abs(fused - alpha)[is_unknown].sum(), "single": np.abs(single - alpha)[is_unknown].sum()}


SOLVED = {}  # of each photograph and trimap scored so far


def _solved(case):
    """Return what the solvers say of a case, solved once a process."""
    key = case.name, case.trimap_name
    if key not in SOLVED:
        SOLVED[key] = solve_all(check_problem(np.float32(case.image), case.trimap))
    return SOLVED[key]
