"""The time from a mask to a cut-out."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import DataOptions, option

WAYS = ("closed form", "KNN", "Net-T and Net-M, tiny", "Net-T and Net-M, as published")


@dataclass(frozen=True, kw_only=True)
class Options(DataOptions):
    """Options of this experiment."""

    ways: tuple[str, ...] = option(WAYS, "ways from the mask to alpha", choices=WAYS)


EXPERIMENT = Experiment(
    name="bench_automatic",
    question="How long does it take from a mask to a cut-out?",
    cost="three minutes; extra deep and the data folder",
    options=Options,
    packages=("numpy", "numba", "torch"),
)
