"""Train the network that corrects information flow on the features of solved scenes' pixels."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from experiments.fusion.kept_scenes import Rows
from experiments.fusion.second_output import with_doubts
from hybridmatte.correction.estimates import BASE_SOLVER
from hybridmatte.correction.features import FEATURES
from hybridmatte.correction.network import WRONG, normalize_features
from hybridmatte.networks import SolverFusion

SHAPE = {"widths": [64] * 4, "dropout": 0.05}
STEPS, BATCH = 2000, 512  # pixels
RATE, DECAY, WARM_UP = 2e-3, 1e-2, 0.1  # AdamW's largest rate, reached after a share of the steps
DOUBT_WEIGHT = 0.02  # of the second output, where it is trained together with the first
FALLBACK = "samples"  # is corrected where the base solver is left out


def base_without(without: Sequence[str]) -> str:
    """Return the name of the estimate that is corrected."""
    return FALLBACK if BASE_SOLVER in without else BASE_SOLVER


def train_fusion(
    rows: Sequence[Rows], *, seed: int, without: Sequence[str] = (), steps: int = STEPS, together: bool = False
) -> SolverFusion:
    """Train a `SolverFusion` to predict the error of the base solver and where that prediction is wrong.

    The loss of the first output is the absolute error. The second output, the logit of the probability that alpha is
    wrong, is fitted by cross-entropy afterwards, with everything else fixed, or trained together with the first.

    Parameters
    ----------
    rows : list of Rows
    seed : int
    without : sequence of str
        Words: features with one of them in their names are set to 0.
    steps : int
    together : bool
        Whether both outputs are trained at once.
    """
    torch.manual_seed(seed)
    features = torch.from_numpy(np.concatenate([part.features for part in rows]))
    features[:, left_out(without)] = 0
    alpha = torch.from_numpy(np.concatenate([part.alpha for part in rows]))
    trusted = FEATURES.index(base_without(without))
    shape = {"features": len(FEATURES), "trusted": trusted, "outputs": 2, **SHAPE}
    network = _QuickFusion(**shape)
    network.normalize(features)

    def losses() -> tuple[torch.Tensor, torch.Tensor]:
        chosen = torch.randint(len(features), (BATCH,))
        corrections, doubts = network.corrections_and_doubts(features[chosen])
        error = (features[chosen, trusted] + corrections - alpha[chosen]).abs()
        found = network.corrected(features[chosen], corrections.detach())
        is_wrong = ((found - alpha[chosen]).abs() > WRONG).float()
        return error.mean(), binary_cross_entropy_with_logits(doubts, is_wrong)

    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    weights = (1.0, DOUBT_WEIGHT if together else 0.0)
    _descend(optimizer, RATE, steps, lambda: sum(w * part for w, part in zip(weights, losses(), strict=True)))
    trained = SolverFusion(**shape)
    trained.load_state_dict(network.state_dict())
    return trained.eval() if together else with_doubts(trained, rows, left_out(without))


class _QuickFusion(SolverFusion):
    """The same network, whose features are normalised by the kernel of the package: a step takes half the time."""

    def normalized(self, features: torch.Tensor) -> torch.Tensor:
        """Return what `SolverFusion.normalized` does, without gradient for the features."""
        return torch.from_numpy(normalize_features(self.without_torch(), features.numpy()))


def _descend(optimizer: torch.optim.Optimizer, rate: float, steps: int, loss: Callable[[], torch.Tensor]) -> None:
    """Take the steps of an optimizer on a loss of random pixels; the rate rises and then falls."""
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps, pct_start=WARM_UP)
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
        schedule.step()


def left_out(without: Sequence[str]) -> list[int]:
    """Return the numbers of the features whose names contain one of some words."""
    return [k for k, name in enumerate(FEATURES) if any(word in words_of(name) for word in without)]


def words_of(name: str) -> set[str]:
    """Return the words of a feature's name; "residual_" is a word apart from the estimate's name."""
    return {*name.replace("|", " ").replace(",", " ").replace("residual_", "residual ").split()}
