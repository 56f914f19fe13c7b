"""Errors of the solvers and of correction networks on the photographs with true alpha, and on the stress sets."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.data_sets import TRIMAPS, Case
from experiments.fusion import AVERAGE, ORACLE, RUN_TWICE
from experiments.fusion.kept_scenes import read_judged
from experiments.fusion.stress import is_stress
from experiments.fusion.training import base_without, left_out
from experiments.results import Row, make_row
from hybridmatte import METHODS, connectivity_error, gradient_error, mse, sad, solve
from hybridmatte.correction.estimates import SolverEstimates
from hybridmatte.correction.features import correction_features
from hybridmatte.correction.network import Perceptron, read_perceptron
from hybridmatte.correction.passes import MatteWithConfidence, correct_again, corrected_alpha, corrected_pixels

UNSCALED_DOUBT = 0.3  # of the networks of the folds: as `CERTAIN_DOUBT` once doubts are scaled, as the shipped ones are
AVERAGED = ("cf", "knn", "information_flow", "sampling")


class Trained(NamedTuple):
    """A trained network: its method and seed, the protocol it belongs to, its photographs to score, and its file."""

    method: str
    seed: int
    protocol: str
    held_out: tuple[str, ...]
    path: Path
    without: tuple[str, ...] = ()


def score_solvers(cases: Iterable[Case]) -> list[Row]:
    """Return rows of every solver, the average of four, and the oracle."""
    rows = []
    for case in cases:
        image = np.float32(case.image)
        alphas = {name: solve(image, case.trimap, name) for name in METHODS}
        found = {name: errors_of(alpha, case.alpha, case.trimap) for name, alpha in alphas.items()}
        found[ORACLE] = min(found.values(), key=lambda errors: errors["sad"])
        average = np.mean([alphas[name] for name in AVERAGED], axis=0)
        found[AVERAGE] = errors_of(average, case.alpha, case.trimap)
        rows += [
            make_row(name, f"{case.name} {case.trimap_name}", case.alpha.shape, errors)
            for name, errors in found.items()
        ]
    return rows


def score_scene(name: str, folder: Path, networks: Sequence[Trained]) -> list[Row]:
    """Return rows of both solvers and of those networks that have not seen the scene's photograph."""
    kind, photograph, number = name.split("/")
    kind = TRIMAPS[int(number)] if kind == "real" else kind
    scene = read_judged(name, folder)
    alpha, is_unknown = scene.estimates.alpha, scene.estimates.known == 0.5

    def row(method, estimate, more, **columns):
        errors = errors_of(estimate, scene.truth, scene.trimap, is_stress(name))
        subject = " ".join([f"{kind}: {photograph}", *more])
        return make_row(method, subject, alpha.shape, errors, set=kind, photograph=photograph, **columns)

    rows = [row("information_flow", alpha, []), row("sampling", scene.sampling, [])]
    features = correction_features(scene.estimates, is_unknown)
    for network in networks:
        if photograph in network.held_out:
            seen = features.copy()
            seen[:, left_out(network.without)] = 0  # as while training
            found = alpha.copy()
            found[is_unknown] = corrected_alpha(load_network(network.path), seen, base_without(network.without))
            alphas = {network.method: found}
            if network.method in RUN_TWICE:
                alphas[RUN_TWICE[network.method]] = two_passes(
                    scene.estimates, features, load_network(network.path)
                ).alpha
            more = [f"protocol {network.protocol}", f"seed {network.seed}"]
            for method, found in alphas.items():
                rows.append(row(method, found, more, protocol=network.protocol, seed=network.seed))
    return rows


def two_passes(estimates: SolverEstimates, features: np.ndarray, network: Perceptron) -> MatteWithConfidence:
    """Return what `correct` does, from the first pass's estimates and features (n, F) of all unknown pixels."""
    is_unknown = estimates.known == 0.5
    first = MatteWithConfidence(estimates.alpha.copy(), np.ones_like(estimates.alpha))
    for plane, values in zip(first, corrected_pixels(network, features), strict=True):
        plane[is_unknown] = values
    return correct_again(np.moveaxis(estimates.image, 0, 2), is_unknown, first, network, limit=UNSCALED_DOUBT)


@cache
def load_network(path: Path) -> Perceptron:
    """Return the network in a file."""
    return read_perceptron(path.read_bytes())


def errors_of(alpha: np.ndarray, target: np.ndarray, trimap: np.ndarray, is_short: bool = False) -> dict[str, float]:
    """Return SAD / 1000, MSE x 1000, and gradient and connectivity errors / 1000 of an alpha on the unknown pixels.

    The short form has the first two alone.
    """
    planes = np.float32(alpha), target, trimap
    errors = {"sad": sad(*planes) / 1000, "mse": 1000 * mse(*planes)}
    if is_short:
        return errors
    return errors | {"grad": gradient_error(*planes) / 1000, "conn": connectivity_error(*planes) / 1000}
