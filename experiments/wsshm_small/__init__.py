"""Weakly semi-supervised matting of people at the size of two CPU cores."""

from dataclasses import dataclass
from pathlib import Path

from experiments.experiment import Experiment
from experiments.options import TrainingOptions, option

PARTS = ("grid", "switches", "students")


@dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Options of this experiment."""

    kept: Path = option(Path("wsshm_small_networks"), "folder of trained networks")
    parts: tuple[str, ...] = option(
        PARTS, "masks against mattes, the student's switches, other networks", choices=PARTS
    )


EXPERIMENT = Experiment(
    name="wsshm_small",
    question="Can people be learned from a few mattes and many masks?",
    cost="one training 1.5 to 4 minutes on one core, all parts of a seed an hour; extra deep and the data folder",
    options=Options,
    packages=("numpy", "torch", "timm", "lightning"),
)
