"""Our solvers and other packages' in turn: accuracy, time, memory, import and compilation."""

from dataclasses import dataclass

from experiments.bench_solvers.pairs import PAIRS
from experiments.experiment import Experiment
from experiments.options import DataOptions, option

METHODS = tuple(dict.fromkeys(pair.method for pair in PAIRS))
PARTS = ("photographs", "mosaic", "import", "compile")
MOSAICS = {"1.5 MP": 1.5, "6 MP": 6.0, "24 MP": 24.0}  # megapixels
TRIMAPS = ("trimap1", "trimap2")


@dataclass(frozen=True, kw_only=True)
class Options(DataOptions):
    """Options of this experiment."""

    parts: tuple[str, ...] = option(("photographs",), "what to measure", choices=PARTS)
    methods: tuple[str, ...] = option((), "methods; none: all, for mosaics cf", choices=METHODS)
    images: tuple[str, ...] = option((), "stems of images, for example GT02; none: all twelve")
    trimaps: tuple[str, ...] = option(TRIMAPS, "trimaps of the photographs", choices=TRIMAPS)
    rounds: int | None = option(None, "timed calls of each case; without it, as in config.toml", minimum=1)
    mosaics: tuple[str, ...] = option(tuple(MOSAICS), "sizes of the large images", choices=tuple(MOSAICS))


EXPERIMENT = Experiment(
    name="bench_solvers",
    question="How fast and how accurate are the solvers, against their peers?",
    cost="two hours, most of it in the peers; --images GT02 --methods cf one minute; the data folder",
    options=Options,
    packages=("numpy", "scipy", "numba", "pymatting"),
    keys=("bench", "method", "package", "peer", "subject"),
    pictures=("bench_solvers_speed.png",),
)
