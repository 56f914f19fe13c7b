"""The time of `matte` beside the solvers that it calls, on large images, and of `matte_from_image`."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import DataOptions, option

WAYS = ("fast", "solvers", "best")  # information flow; information flow and samples; both and the correction

LARGE, REPEATED, AUTO = "best, enlarged", "best, repeated", "auto"
PARTS = ("photographs", "large", "auto")
MEGAPIXELS = {LARGE: (1.5, 6.0, 24.0), REPEATED: (1.5, 6.0, 24.0)}
AUTO_SIDE = 1024  # pixels, longer side


@dataclass(frozen=True, kw_only=True)
class Options(DataOptions):
    """Options of this experiment."""

    parts: tuple[str, ...] = option(PARTS, "what to measure", choices=PARTS)
    rounds: int = option(3, "timed calls of each way", minimum=1)


EXPERIMENT = Experiment(
    name="bench_fusion",
    question="How long does `matte` take, and how much of that is the correction?",
    cost="five minutes; the data folder",
    options=Options,
    packages=("numpy", "scipy", "numba"),
)
