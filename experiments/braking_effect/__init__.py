"""The braking effect: hair stops growing under the affinity loss."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import DataOptions, option

PARTS = ("recurrence", "drawn", "photographs")
SNAPSHOTS = (100, 500, 3000)  # steps after which the drawn hair is recorded
STEPS, EVERY = 600, 50  # of descent on photographs


@dataclass(frozen=True, kw_only=True)
class Options(DataOptions):
    """Options of this experiment."""

    parts: tuple[str, ...] = option(PARTS, "what to measure; only photographs need the data folder", choices=PARTS)
    images: tuple[str, ...] = option((), "stems of photographs, for example GT02; none: all twelve")


EXPERIMENT = Experiment(
    name="braking_effect",
    question="Why does hair stop growing under the affinity loss, and not under DDC?",
    cost="recurrence and drawn hair three minutes, photographs ten; extras deep and bench",
    options=Options,
    packages=("numpy", "torch"),
    pictures=("braking_effect.png", "braking_effect_photographs.png"),
)
