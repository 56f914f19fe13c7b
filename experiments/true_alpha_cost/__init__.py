"""What the matting priors charge for the true alpha, and for its hard version."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import DataOptions


@dataclass(frozen=True, kw_only=True)
class Options(DataOptions):
    """Options of this experiment."""


EXPERIMENT = Experiment(
    name="true_alpha_cost",
    question="What do the matting priors charge for the true alpha, and for its hard version?",
    cost="half a minute; the data folder",
    options=Options,
    packages=("numpy", "numba"),
)
