"""How far the networks' second output, the probability that alpha is wrong, can be trusted on unseen photographs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from experiments.fusion import RUN_TWICE
from experiments.fusion.kept_scenes import read_judged
from experiments.fusion.scoring import Trained, load_network, two_passes
from experiments.fusion.second_output import fit_logistic, sigmoid
from experiments.results import Row, make_row
from experiments.tables import spread, table
from hybridmatte.correction.features import correction_features
from hybridmatte.correction.network import WRONG
from hybridmatte.correction.passes import corrected_pixels

CLEAR = 1e-6  # least distance of a probability from 0 and 1, whose logits are infinite
BINS = 10  # of equal width in predicted probability
FITTED = 200_000  # pixels that the scaling is fitted to
COLUMNS = {"wrong": "share wrong", "auc": "area under ROC", "ece": "calibration error", "ece_scaled": "scaled"}
SUBJECT = "doubts"


class Doubts(NamedTuple):
    """Logits (n,) of a network for unknown pixels of a photograph that it has not seen, and whether alpha is wrong."""

    logits: np.ndarray
    is_wrong: np.ndarray


class Scaling(NamedTuple):
    """Platt's scaling of logits: scale times logit plus shift."""

    scale: float
    shift: float


Key = tuple[str, int, tuple[str, ...]]  # method, seed, photographs of the fold


def scene_doubts(name: str, folder: Path, networks: Sequence[Trained]) -> dict[Key, Doubts]:
    """Return the doubts of those networks that have not seen a scene's photograph."""
    photograph, scene = name.split("/")[1], read_judged(name, folder)
    is_unknown = scene.estimates.known == 0.5
    features, truth = correction_features(scene.estimates, is_unknown), scene.truth[is_unknown]
    found = {}
    for network in networks:
        if photograph in network.held_out:
            plain = load_network(network.path)
            pixels = {network.method: corrected_pixels(plain, features)}
            if network.method in RUN_TWICE:
                pixels[RUN_TWICE[network.method]] = tuple(
                    plane[is_unknown] for plane in two_passes(scene.estimates, features, plain)
                )
            for method, (alpha, confidence) in pixels.items():
                wrong = np.abs(alpha - truth) > WRONG
                found[method, network.seed, network.held_out] = Doubts(-logits_of(confidence), wrong)
    return found


def logits_of(probabilities: np.ndarray) -> np.ndarray:
    """Return the logits of probabilities in float32."""
    inside = np.float64(probabilities).clip(CLEAR, 1 - CLEAR)
    return np.log(inside) - np.log1p(-inside)


def joined(parts: Sequence[Doubts]) -> Doubts:
    """Return the doubts of several scenes as one."""
    return Doubts(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def doubt_rows(doubts: Mapping[Key, Doubts]) -> list[Row]:
    """Return a row for each method and seed: reliability as predicted, and scaled by what the other folds say."""
    rows = []
    for method, seed in dict.fromkeys(key[:2] for key in doubts):
        folds = [found for key, found in doubts.items() if key[:2] == (method, seed)]
        scaled = []
        for number, fold in enumerate(folds):
            others = [*folds[:number], *folds[number + 1 :]]
            scaling = fit_scaling(joined(others)) if others else Scaling(1.0, 0.0)  # one network for all: as they are
            scaled.append(Doubts(scaling.scale * fold.logits + scaling.shift, fold.is_wrong))
        raw, after = joined(folds), joined(scaled)
        bins = reliability(after)
        errors = {
            "auc": area_under_roc(raw),
            "ece": calibration_error(reliability(raw)),
            "ece_scaled": calibration_error(bins),
            "wrong": float(raw.is_wrong.mean()),
        }
        rows.append(make_row(method, f"{SUBJECT} seed {seed}", len(raw.logits), errors, bins=bins, doubts=True))
    return rows


def fit_scaling(doubts: Doubts) -> Scaling:
    """Return the scaling of the largest likelihood on random pixels."""
    chosen = np.random.default_rng(0).integers(len(doubts.logits), size=min(FITTED, len(doubts.logits)))
    slopes, shift = fit_logistic(doubts.logits[chosen, None], doubts.is_wrong[chosen])
    return Scaling(float(slopes[0]), shift)


def reliability(doubts: Doubts) -> list[list[float]]:
    """Return, for each bin with pixels, the mean predicted probability, the share that is wrong, and the pixels."""
    predicted = sigmoid(doubts.logits)
    numbers = np.minimum((BINS * predicted).astype(int), BINS - 1)
    counts, sums, wrong = (
        np.bincount(numbers, weights, BINS) for weights in (np.ones(len(numbers)), predicted, doubts.is_wrong)
    )
    return [
        [float(total / n), float(bad / n), int(n)] for n, total, bad in zip(counts, sums, wrong, strict=True) if n > 0
    ]


def calibration_error(bins: Sequence[Sequence[float]]) -> float:
    """Return the mean over pixels of how far predicted probability and observed share differ in a pixel's bin."""
    means, shares, counts = np.array(bins).T
    return float(np.average(np.abs(means - shares), weights=counts))


def area_under_roc(doubts: Doubts) -> float:
    """Return the probability that a wrong pixel has a larger logit than a right one."""
    ranks, wrong = rankdata(doubts.logits), doubts.is_wrong
    n_wrong = int(wrong.sum())
    n_right = len(wrong) - n_wrong
    return float((ranks[wrong].sum() - n_wrong * (n_wrong + 1) / 2) / (n_wrong * n_right))


def doubt_table(rows: Sequence[Row]) -> list[str]:
    """Return how reliable the doubts are, and the bins of one seed of each method; nothing if there are no rows."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.get("doubts"):
            found.setdefault(row["method"], []).append(row)
    if not found:
        return []
    lines = [
        [name, len(seeds), *(spread([row["error"][key] for row in seeds]) for key in COLUMNS)]
        for name, seeds in found.items()
    ]
    return [
        f"Doubts: the probability that alpha is off by more than {WRONG}, over all unknown pixels of unseen "
        "photographs, both trimaps; mean and standard deviation over the seeds. The scaled form has two numbers "
        "(Platt) fitted to the photographs of the other folds.",
        table(["network", "seeds", *COLUMNS.values()], lines),
        "Predicted probability (scaled), observed share and pixels by bin, first seed:",
        *(_bin_table(name, seeds[0]) for name, seeds in found.items()),
    ]


def _bin_table(name, row):
    """Return the bins of a row."""
    lines = [[f"{mean:.3f}", f"{share:.3f}", n] for mean, share, n in row["bins"]]
    return table([f"predicted, {name}", "observed", "pixels"], lines)
