"""The network for people that comes with the package."""

from dataclasses import dataclass
from pathlib import Path

from experiments.experiment import Experiment
from experiments.options import TrainingOptions, option
from experiments.results import ROOT


@dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Options of this experiment."""

    kept: Path = option(Path("people_weights_networks"), "folder of trained networks")
    weights: Path = option(
        ROOT / "hybridmatte" / "weights" / "people", "folder of the package's weights, written by the first seed"
    )


EXPERIMENT = Experiment(
    name="people_weights",
    question="How good is the network for people that comes with the package?",
    cost="13,200 training steps of small crops for each seed, not timed; extras deep and onnx, the data folder",
    options=Options,
    packages=("numpy", "torch", "timm", "lightning"),
    card=ROOT / "hybridmatte" / "weights" / "people" / "README.md",
)
