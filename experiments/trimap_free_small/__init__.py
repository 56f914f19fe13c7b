"""Net-T, Net-M, joint inference and their adaptation to photographs, at the size of two CPU cores."""

from dataclasses import dataclass
from pathlib import Path

from experiments.experiment import Experiment
from experiments.options import TrainingOptions, option

PARTS = ("trimaps", "joint", "real", "longer", "real_longer")


@dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Options of this experiment."""

    kept: Path = option(Path("trimap_free_small_networks"), "folder of trained networks")
    parts: tuple[str, ...] = option(
        PARTS[:3],
        "trimaps of composites, their alphas, people; longer: composites, or people, after four times the steps",
        choices=PARTS,
    )


EXPERIMENT = Experiment(
    name="trimap_free_small",
    question="Is a learned trimap worth it between a coarse segmentation and alpha, and does adaptation help?",
    cost="six short trainings for each seed, a few hours in all; extras deep and demo, the data folder",
    options=Options,
    packages=("numpy", "torch", "timm", "lightning"),
    is_resumable=True,
)
