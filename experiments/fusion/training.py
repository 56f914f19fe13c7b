"""Train the network that corrects information flow on the features of solved scenes' pixels."""

from collections.abc import Sequence

import numpy as np
import torch

from experiments.fusion.kept_scenes import Rows
from hybridmatte.correction.estimates import BASE_SOLVER
from hybridmatte.correction.features import FEATURES
from hybridmatte.networks import SolverFusion

SHAPE = {"widths": [64] * 4, "dropout": 0.05}
STEPS, BATCH = 2000, 512  # pixels
RATE, DECAY, WARM_UP = 2e-3, 1e-2, 0.1  # AdamW's largest rate, reached after a share of the steps
FALLBACK = "samples"  # is corrected where the base solver is left out


def base_without(without: Sequence[str]) -> str:
    """Return the name of the estimate that is corrected."""
    return FALLBACK if BASE_SOLVER in without else BASE_SOLVER


def train_fusion(rows: Sequence[Rows], *, seed: int, without: Sequence[str] = (), steps: int = STEPS) -> SolverFusion:
    """Train a `SolverFusion` to predict the error of the base solver; the loss is the absolute error.

    Parameters
    ----------
    rows : list of Rows
    seed : int
    without : sequence of str
        Words: features with one of them in their names are set to 0.
    steps : int
    """
    torch.manual_seed(seed)
    features = torch.from_numpy(np.concatenate([part.features for part in rows]))
    features[:, left_out(without)] = 0
    alpha = torch.from_numpy(np.concatenate([part.alpha for part in rows]))
    network = SolverFusion(features=len(FEATURES), trusted=FEATURES.index(base_without(without)), **SHAPE)
    network.normalize(features)
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps, pct_start=WARM_UP)
    for _ in range(steps):
        chosen = torch.randint(len(features), (BATCH,))
        found = features[chosen, network.trusted] + network.corrections(features[chosen])
        optimizer.zero_grad()
        (found - alpha[chosen]).abs().mean().backward()
        optimizer.step()
        schedule.step()
    return network.eval()


def left_out(without: Sequence[str]) -> list[int]:
    """Return the numbers of the features whose names contain one of some words."""
    return [k for k, name in enumerate(FEATURES) if any(word in words_of(name) for word in without)]


def words_of(name: str) -> set[str]:
    """Return the words of a feature's name; "residual_" is a word apart from the estimate's name."""
    return {*name.replace("|", " ").replace(",", " ").replace("residual_", "residual ").split()}
