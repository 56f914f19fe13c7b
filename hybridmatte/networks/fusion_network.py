"""What joins several solvers' mattes pixel by pixel: boosted trees, in torch."""

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import nn

from hybridmatte._check import check_integer
from hybridmatte.boosted_trees import Trees
from hybridmatte.networks.network import model_card

__all__ = ["SolverFusion"]

CARD = model_card("""How far a solver's alpha is from the truth, by what others say; see `hybridmatte.matte`.
""")
CHUNK = 64  # trees that are asked at once


class SolverFusion(nn.Module, PyTorchModelHubMixin, library_name="hybridmatte", license="mit",
                   model_card_template=CARD):
    """Boosted trees that correct the alpha of the solver that is trusted most.

    `hybridmatte.matte` evaluates the same trees without torch. Their leaves' values are parameters, so they can be
    trained on with any loss; the questions that they ask stay.

    Parameters
    ----------
    features : int
        Of a pixel, see `hybridmatte.fusion_features.FEATURES`.
    trusted : int
        The feature that is corrected.
    trees, nodes, leaves : int
        How many there are of each, nodes and leaves of all trees together.

    Shapes
    ------
    features : (n, features)
    alpha : (n,)

    References
    ----------
    .. [1] J. H. Friedman. Greedy function approximation: a gradient boosting machine. Annals of Statistics 2001.
    .. [2] D. Cho, Y.-W. Tai, I. S. Kweon. Natural image matting using deep convolutional neural networks. ECCV 2016.
       The idea of joining closed form and KNN by what is learned.

    Examples
    --------
    >>> network = SolverFusion(features=3, trusted=0, trees=1, nodes=1, leaves=2)
    >>> network(torch.rand(5, 3)).shape
    torch.Size([5])
    """

    def __init__(self, *, features, trusted, trees, nodes, leaves):
        super().__init__()
        self.features = check_integer(features, "features", low=1)
        self.trusted = check_integer(trusted, "trusted", low=0, high=features - 1)
        check_integer(trees, "trees", low=1)
        check_integer(nodes, "nodes", low=0)
        check_integer(leaves, "leaves", low=1)
        self.register_buffer("roots", torch.full((trees,), -1, dtype=torch.int32))
        self.register_buffer("feature", torch.zeros(nodes, dtype=torch.int32))
        self.register_buffer("threshold", torch.zeros(nodes))
        self.register_buffer("branches", torch.full((nodes, 2), -1, dtype=torch.int32))
        self.values = nn.Parameter(torch.zeros(leaves))

    @classmethod
    def of_trees(cls, trees, *, features, trusted):
        """Return the network of `hybridmatte.boosted_trees.Trees`."""
        network = cls(features=features, trusted=trusted, trees=len(trees.roots), nodes=len(trees.feature),
                      leaves=len(trees.values))
        network.load_state_dict({name: torch.from_numpy(array) for name, array in trees._asdict().items()})
        return network

    def as_trees(self):
        """Return `hybridmatte.boosted_trees.Trees` of the network."""
        return Trees(*(getattr(self, name).detach().cpu().numpy() for name in Trees._fields))

    def forward(self, features):
        """Return alpha (n,) in [0, 1] of pixels' features (n, features)."""
        if features.ndim != 2 or features.shape[1] != self.features:
            raise ValueError(f"features has shape {tuple(features.shape)}, expected (n, {self.features})")
        sums = [self._values(features, roots).sum(dim=1) for roots in self.roots.split(CHUNK)]
        return (features[:, self.trusted] + sum(sums)).clamp(0, 1)

    def _values(self, features, roots):
        """Return the values (n, T) of the leaves that pixels reach from roots (T,)."""
        node = roots.long().expand(len(features), -1)
        while (node >= 0).any():
            asked = node.clamp(min=0)
            is_above = features.gather(1, self.feature.long()[asked]) > self.threshold[asked]
            node = torch.where(node >= 0, self.branches.long()[asked, is_above.long()], node)
        return self.values[-1 - node]
