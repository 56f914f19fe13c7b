"""The network that corrects masks, which comes with the package."""

from dataclasses import dataclass
from pathlib import Path

from experiments.experiment import Experiment
from experiments.options import TrainingOptions, option
from experiments.results import ROOT


@dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Options of this experiment."""

    kept: Path = option(Path("refiner_weights_networks"), "folder of trained networks")
    masks: Path | None = option(
        None, "folder of masks by other segmenters to score with, as SEGMENTER/SET/STEM.npy, square outputs"
    )
    workers: int = option(1, "processes that prepare crops; 5 keep a GPU busy")
    weights: Path = option(
        ROOT / "hybridmatte" / "weights" / "refiner", "folder of the package's weights, written by the first seed"
    )


EXPERIMENT = Experiment(
    name="refiner_weights",
    question="What does the network that corrects masks add to the solver, for which masks?",
    cost="4,500 training steps of 16 crops, 12 minutes on an H100, and 15 minutes of scoring; extras deep and onnx, "
    "the data folder",
    options=Options,
    packages=("numpy", "torch", "timm", "lightning"),
    card=ROOT / "hybridmatte" / "weights" / "refiner" / "README.md",
)
