"""The small fully connected network that corrects the solver's alpha in each pixel, in torch."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import dropout, silu

from hybridmatte._validation import check_integer, check_number
from hybridmatte.correction.network import RANK_LIMIT, SCORE_LIMIT, Perceptron, no_doubts
from hybridmatte.correction.weights import RESEARCH, WeightsKind, correction_folder
from hybridmatte.networks.network import model_card
from hybridmatte.networks.saved_network import SavedNetwork

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["SolverFusion"]

KNOTS = 33  # for the ranks of each feature: 32 intervals
MIN_GAP = 2e-3  # standard deviations between two knots
ROUNDING = 1e-6  # relative: added to the gap, so that it survives float32 rounding
MAX_QUANTILE_ROWS = 60_000  # that the knots are computed from
CARD = model_card("""From the features of a pixel to its alpha; see `hybridmatte.matte`.
""")


class SolverFusion(nn.Module, SavedNetwork, library_name="hybridmatte", license="mit", model_card_template=CARD):
    """A fully connected network whose output is added to the alpha of a solver, independently for each pixel.

    `hybridmatte.matte` evaluates the same network without torch; `from_package` returns it. The last layer is
    initialised with zeros, so that an untrained network returns the solver's alpha.

    Parameters
    ----------
    features : int
        Number of features of a pixel; see `hybridmatte.correction.features.FEATURES`.
    trusted : int
        Index of the feature that is the solver's alpha.
    widths : sequence of int
        Numbers of hidden values in the hidden layers, each followed by SiLU.
    dropout : float, default 0
        Probability with which a feature or a hidden value is set to zero during training.
    outputs : {1, 2}, default 1
        With 2, the network also predicts how likely its alpha is wrong; see `doubts`.

    Shapes
    ------
    features : (n, features)
    alpha : (n,), in [0, 1]

    References
    ----------
    .. [1] D. Cho, Y.-W. Tai, I. S. Kweon. Natural image matting using deep convolutional neural networks. ECCV 2016.
       A network that improves on the alphas of solvers.

    Examples
    --------
    >>> network = SolverFusion(features=3, trusted=0, widths=[8, 8])
    >>> pixels = torch.rand(5, 3)
    >>> bool((network(pixels) == pixels[:, 0]).all())
    True
    """

    config_kind = "fusion"

    mean: torch.Tensor
    scale: torch.Tensor
    knots: torch.Tensor

    def __init__(
        self, *, features: int, trusted: int, widths: Sequence[int], dropout: float = 0.0, outputs: int = 1
    ) -> None:
        super().__init__()
        check_integer(features, "features", low=1)
        self.trusted = check_integer(trusted, "trusted", low=0, high=features - 1)
        self.dropout = check_number(dropout, "dropout", low=0, high=1)
        self.outputs = check_integer(outputs, "outputs", low=1, high=2)
        sizes = [2 * features, *(check_integer(width, "widths", low=1) for width in widths), self.outputs]
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.register_buffer("knots", torch.linspace(0, 1, KNOTS).repeat(features, 1))
        layers = list(zip(sizes[:-1], sizes[1:], strict=True))
        self.weights = nn.ParameterList(torch.empty(*layer) for layer in layers)
        self.biases = nn.ParameterList(torch.zeros(size) for size in sizes[1:])
        for weights, (size, _) in zip(self.weights, layers, strict=True):
            nn.init.uniform_(weights, -(size**-0.5), size**-0.5)
        nn.init.zeros_(self.weights[-1])

    @classmethod
    def from_package(cls, weights: WeightsKind = RESEARCH) -> Self:
        """Return the network of `hybridmatte.matte` with weights that come with the package, in evaluation mode.

        Parameters
        ----------
        weights : {"research", "free"}, default "research"
            "research" for research use, "free" for any use, see `hybridmatte.matte`.

        Returns
        -------
        network : SolverFusion

        Raises
        ------
        FileNotFoundError, ValueError
            As `from_pretrained`; ValueError also if weights is another word.
        """
        return cls.from_pretrained(correction_folder(weights))

    def normalize(self, rows: torch.Tensor) -> None:
        """Set the normalisation (mean, scale and knots) from the features (n, features) of training pixels."""
        self.mean.copy_(rows.mean(dim=0))
        self.scale.copy_(rows.std(dim=0, correction=0) + 1e-3)
        step = -(-len(rows) // MAX_QUANTILE_ROWS)
        quantiles = np.quantile(rows[::step].numpy(), np.linspace(0, 1, KNOTS), axis=0)
        self.knots.copy_(torch.from_numpy(quantiles.T))
        for k in range(1, KNOTS):
            before = self.knots[:, k - 1]
            self.knots[:, k] = torch.maximum(self.knots[:, k], before + MIN_GAP * self.scale + ROUNDING * before.abs())

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return alpha (n,) in [0, 1] for the features (n, features) of pixels."""
        return self.corrected(features, self.corrections(features))

    def corrected(self, features: torch.Tensor, corrections: torch.Tensor) -> torch.Tensor:
        """Return alpha (n,) in [0, 1] from the features (n, features) of pixels and their corrections (n,)."""
        return (features[:, self.trusted] + corrections).clamp(0, 1)

    def corrections(self, features: torch.Tensor) -> torch.Tensor:
        """Return what is added (n,) to the solver's alpha, for the features (n, features) of pixels."""
        return self._last_layer(features)[:, 0]

    def doubts(self, features: torch.Tensor) -> torch.Tensor:
        """Return the logits (n,) of the probability that alpha is wrong; see `corrections_and_doubts`."""
        return self.corrections_and_doubts(features)[1]

    def corrections_and_doubts(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return `corrections` (n,) and the doubts (n,) for the features (n, features) of pixels, in one evaluation.

        A doubt is the logit of the probability that `forward`'s alpha differs from the true alpha by more than
        `hybridmatte.correction.network.WRONG`, which is 0.1. A network with one output raises ValueError.
        """
        if self.outputs == 1:
            raise ValueError(no_doubts(self.outputs))
        corrections, doubts = self._last_layer(features).unbind(dim=1)
        return corrections, doubts

    def _last_layer(self, features: torch.Tensor) -> torch.Tensor:
        """Return the outputs (n, outputs) for features (n, features)."""
        if features.ndim != 2 or features.shape[1] != len(self.mean):
            raise ValueError(f"features has shape {tuple(features.shape)}, expected (n, {len(self.mean)})")
        x = self.normalized(features)
        for k, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.addmm(biases, dropout(x, self.dropout, self.training), weights)
            if k < len(self.weights) - 1:
                x = silu(x)
        return x

    def normalized(self, features: torch.Tensor) -> torch.Tensor:
        """Return the standard scores of features (n, features), then their ranks between the knots: (n, 2 features)."""
        ends = self.knots.unbind(dim=1)
        pieces = (((features - low) / (high - low)).clamp(0, 1) for low, high in pairwise(ends))
        ranks = reduce(torch.add, pieces) / (len(ends) - 1)
        scores = ((features - self.mean) / self.scale).clamp(-SCORE_LIMIT, SCORE_LIMIT)
        return torch.cat([scores, RANK_LIMIT * (2 * ranks - 1)], dim=1)

    def prepared(self, features: torch.Tensor) -> torch.Tensor:
        """Old name of `normalized`."""
        warnings.warn(
            "SolverFusion.prepared is deprecated, use SolverFusion.normalized", DeprecationWarning, stacklevel=2
        )
        return self.normalized(features)

    def without_torch(self) -> Perceptron:
        """Return the network as a `hybridmatte.correction.network.Perceptron`, which NumPy evaluates."""
        mean, scale, knots, *layers = (
            tensor.detach().cpu().numpy() for tensor in (self.mean, self.scale, self.knots, *self.weights, *self.biases)
        )
        half = len(layers) // 2
        return Perceptron(mean, scale, knots, tuple(layers[:half]), tuple(layers[half:]))
