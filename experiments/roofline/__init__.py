"""Where the bytes go: bytes, time and share of the copy bandwidth of each stage of a solver."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import DataOptions, option

METHODS = {  # and their names in the library
    "closed form": "cf",
    "KNN": "knn",
    "nonlocal": "nonlocal",
    "information flow": "information_flow",
    "sampling": "sampling",
}
IMAGES = ("GT02", "GT04", "GT12", "GT15", "GT24")
MOSAIC = "6 MP"
TOTAL, REST = "all", "Python, NumPy and OpenCV"  # stages of no kernel: the whole solve, what is left


@dataclass(frozen=True, kw_only=True)
class Options(DataOptions):
    """Options of the experiment."""

    methods: tuple[str, ...] = option(tuple(METHODS), "methods to measure", choices=tuple(METHODS))
    images: tuple[str, ...] = option((*IMAGES, MOSAIC), f"photographs, or {MOSAIC!r} for the mosaic of all twelve")
    rounds: int = option(7, "timed and observed calls; the least time of each stage counts", minimum=1)


EXPERIMENT = Experiment(
    name="roofline",
    question="Which stages of a solver are bound by bytes, by arithmetic, by threads or by Python?",
    cost="ten minutes; the data folder",
    options=Options,
    packages=("numpy", "numba", "llvmlite"),
    keys=("method", "subject", "stage", "threads"),
)
