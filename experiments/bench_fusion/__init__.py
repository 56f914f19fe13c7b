"""The time of `matte` beside the solvers that it calls."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import DataOptions, option

WAYS = ("fast", "solvers", "best")  # information flow; information flow and samples; both and the correction


@dataclass(frozen=True, kw_only=True)
class Options(DataOptions):
    """Options of this experiment."""

    rounds: int = option(3, "timed calls of each way", minimum=1)


EXPERIMENT = Experiment(
    name="bench_fusion",
    question="How long does `matte` take, and how much of that is the correction?",
    cost="three minutes; the data folder",
    options=Options,
    packages=("numpy", "scipy", "numba"),
)
