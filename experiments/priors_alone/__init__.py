"""Each matting prior alone, with no network: mean errors on the twelve photographs."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import DataOptions, option

METHODS = (
    "affinity, descent",
    "dc, descent",
    "ddc, descent",
    "hinge, descent",
    "ddc, solve_ddc",
    "hinge, solve_ddc",
    "closed form",
    "knn",
    "nonlocal",
)
TRIMAPS = ("trimap1", "trimap2")


@dataclass(frozen=True, kw_only=True)
class Options(DataOptions):
    """Options of this experiment."""

    methods: tuple[str, ...] = option(METHODS, "priors and solvers", choices=METHODS)
    trimaps: tuple[str, ...] = option(("trimap1",), "trimaps of the photographs", choices=TRIMAPS)
    images: tuple[str, ...] = option((), "stems of photographs, for example GT02; none: all twelve")


EXPERIMENT = Experiment(
    name="priors_alone",
    question="How good is each matting prior alone, with no network?",
    cost="twenty minutes; extra deep and the data folder",
    options=Options,
    packages=("numpy", "numba", "torch"),
)
