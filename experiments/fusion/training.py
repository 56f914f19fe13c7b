"""Train the network that corrects information flow on the features of solved scenes' pixels."""

import numpy as np
import torch

from hybridmatte.correction.features import FEATURES, TRUSTED
from hybridmatte.networks import SolverFusion

SHAPE = {"widths": [64] * 4, "dropout": 0.05}
STEPS, BATCH = 2000, 512  # pixels
RATE, DECAY, WARM_UP = 2e-3, 1e-2, 0.1  # AdamW's largest rate, reached after a share of the steps
FALLBACK = "samples"  # is corrected where the trusted solver is left out


def trusted_without(without):
    """Return the candidate that is corrected, by name."""
    return FALLBACK if TRUSTED in without else TRUSTED


def train_fusion(rows, *, seed, without=(), steps=STEPS):
    """Return a `SolverFusion` that has learned, by absolute error, what the trusted candidate misses.

    Parameters
    ----------
    rows : list of Rows
    seed : int
    without : collection of str
        Words: features with one of them in their names are not looked at.
    steps : int
    """
    torch.manual_seed(seed)
    features = torch.from_numpy(np.concatenate([part.features for part in rows]))
    features[:, left_out(without)] = 0
    alpha = torch.from_numpy(np.concatenate([part.alpha for part in rows]))
    network = SolverFusion(features=len(FEATURES), trusted=FEATURES.index(trusted_without(without)), **SHAPE)
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


def left_out(without):
    """Return the numbers of the features that mention one of some words."""
    return [k for k, name in enumerate(FEATURES) if any(word in mentioned(name) for word in without)]


def mentioned(name):
    """Return the words of a feature's name; "residual_" stands apart from the candidate."""
    return {*name.replace("|", " ").replace(",", " ").replace("residual_", "residual ").split()}
