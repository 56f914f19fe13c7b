"""Peak memory of `predict_alpha` on images of up to 24 megapixels, whole and in tiles."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import Options, option

CASES = {  # megapixels of image and of tile; at 6 MP whole, ViTMatte's attention would take over 10 GiB
    "unet resnet18": ((1.0, 1.5), (6.0, 6.5), (6.0, 1.0), (24.0, 1.0)),
    "vitmatte small": ((1.0, 1.5), (6.0, 1.0), (24.0, 1.0)),
}


@dataclass(frozen=True, kw_only=True)
class NetworkOptions(Options):
    """Options of this experiment."""

    networks: tuple[str, ...] = option(tuple(CASES), "networks", choices=tuple(CASES))


EXPERIMENT = Experiment(
    name="tiled_prediction",
    question="How much memory does `predict_alpha` take for a large photograph, whole and in tiles?",
    cost="about five minutes; extras deep and demo",
    options=NetworkOptions,
    packages=("torch", "timm", "transformers", "numpy"),
)
