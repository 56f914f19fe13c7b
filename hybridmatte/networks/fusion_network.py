"""What corrects the best solver's matte pixel by pixel: a small fully connected network, in torch."""

from itertools import pairwise

import numpy as np
import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn
from torch.nn.functional import dropout, silu

from hybridmatte._validation import check_integer, check_number
from hybridmatte.correction.network import LIMIT, RANK_REACH, Perceptron
from hybridmatte.networks.network import model_card

__all__ = ["SolverFusion"]

KNOTS = 33  # of the ranks of each feature, one more than a power of 2
GAP = 2e-3  # standard deviations between knots, at least
ROUNDING = 1e-6  # of the knots themselves, is added to it
SORTED = 60_000  # rows that knots are taken from, at most
CARD = model_card("""From what is seen of a pixel to its alpha; see `hybridmatte.matte`.
""")


class SolverFusion(nn.Module, PyTorchModelHubMixin, library_name="hybridmatte", license="mit",
                   model_card_template=CARD):
    """A network whose answer is added to the alpha of the solver that is trusted.

    `hybridmatte.matte` evaluates the same without torch. The last layer begins at zero: nothing is corrected.

    Parameters
    ----------
    features : int
        Of a pixel, see `hybridmatte.fusion_features.FEATURES`.
    trusted : int
        The feature that is corrected.
    widths : sequence of int
        Of the hidden layers, each followed by SiLU.
    dropout : float, default 0
        Share of the features and hidden values that are left out while training.

    Shapes
    ------
    features : (n, features)
    alpha : (n,)

    References
    ----------
    .. [1] D. Cho, Y.-W. Tai, I. S. Kweon. Natural image matting using deep convolutional neural networks. ECCV 2016.
       The idea of improving on solvers by what is learned.

    Examples
    --------
    >>> network = SolverFusion(features=3, trusted=0, widths=[8, 8])
    >>> pixels = torch.rand(5, 3)
    >>> bool((network(pixels) == pixels[:, 0]).all())
    True
    """

    def __init__(self, *, features, trusted, widths, dropout=0.0):
        super().__init__()
        check_integer(features, "features", low=1)
        self.trusted = check_integer(trusted, "trusted", low=0, high=features - 1)
        self.dropout = check_number(dropout, "dropout", low=0, high=1)
        sizes = [2 * features, *(check_integer(width, "widths", low=1) for width in widths), 1]
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.register_buffer("knots", torch.linspace(0, 1, KNOTS).repeat(features, 1))
        layers = list(zip(sizes[:-1], sizes[1:], strict=True))
        self.weights = nn.ParameterList(torch.empty(*layer) for layer in layers)
        self.biases = nn.ParameterList(torch.zeros(size) for size in sizes[1:])
        for weights, (size, _) in zip(self.weights, layers, strict=True):
            nn.init.uniform_(weights, -(size**-0.5), size**-0.5)
        nn.init.zeros_(self.weights[-1])

    def normalize(self, rows):
        """Take mean, scale and knots of the features from rows (n, features) that are learned from."""
        self.mean.copy_(rows.mean(dim=0))
        self.scale.copy_(rows.std(dim=0, correction=0) + 1e-3)
        shares = np.linspace(0, 1, KNOTS)
        self.knots.copy_(torch.from_numpy(np.quantile(rows[::-(-len(rows) // SORTED)].numpy(), shares, axis=0).T))
        for k in range(1, KNOTS):
            before = self.knots[:, k - 1]
            self.knots[:, k] = torch.maximum(self.knots[:, k], before + GAP * self.scale + ROUNDING * before.abs())

    def forward(self, features):
        """Return alpha (n,) in [0, 1] of pixels' features (n, features)."""
        return (features[:, self.trusted] + self.corrections(features)).clamp(0, 1)

    def corrections(self, features):
        """Return what is added (n,) to the trusted alpha of pixels' features (n, features)."""
        if features.ndim != 2 or features.shape[1] != len(self.mean):
            raise ValueError(f"features has shape {tuple(features.shape)}, expected (n, {len(self.mean)})")
        x = self.prepared(features)
        for k, (weights, biases) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.addmm(biases, dropout(x, self.dropout, self.training), weights)
            if k < len(self.weights) - 1:
                x = silu(x)
        return x[:, 0]

    def prepared(self, features):
        """Return features (n, features) over their deviations, and their ranks between the knots, (n, 2 features)."""
        ends = self.knots.unbind(dim=1)
        ranks = sum(((features - low) / (high - low)).clamp(0, 1) for low, high in pairwise(ends)) / (len(ends) - 1)
        deviations = ((features - self.mean) / self.scale).clamp(-LIMIT, LIMIT)
        return torch.cat([deviations, RANK_REACH * (2 * ranks - 1)], dim=1)

    def without_torch(self):
        """Return the `hybridmatte.perceptron.Perceptron` of the network."""
        mean, scale, knots, *layers = (tensor.detach().cpu().numpy() for tensor in (
            self.mean, self.scale, self.knots, *self.weights, *self.biases))
        half = len(layers) // 2
        return Perceptron(mean, scale, knots, tuple(layers[:half]), tuple(layers[half:]))
