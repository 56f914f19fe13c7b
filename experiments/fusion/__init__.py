"""The network that corrects the best classical solver: trained, cross-validated and shipped."""

from dataclasses import dataclass
from pathlib import Path

from experiments.experiment import Experiment
from experiments.options import TrainingOptions, option
from experiments.results import ROOT

PARTS = ("scenes", "solvers", "folds", "ablation", "weights", "sheet")
FOLDS = 4  # of the twelve photographs
AVERAGE, ORACLE, FUSION = "average of the best four", "oracle: best solver of each photograph", "fusion"  # methods
SOURCES = ("real", "composite")  # scenes that the package's network learns from
AROUND = ("mean", "deviation", "least", "most", "fitted", "misfit", "correlation", "slope", "detail")
ABLATION = {  # variants that miss features: words in their names
    "nothing around the pixel": AROUND,
    "no residuals": ("residual", "contrast", "confidence", "colour"),
    "no distances to the known regions": ("to_foreground", "to_background", "is_foreground", "is_background"),
    "no information_flow": ("information_flow",),
    "no samples": ("samples", "residual", "contrast", "confidence", "foreground", "background"),
}
OTHER_SOURCES = {  # variants that learn from other scenes
    "photographs alone": ("real",),
    "photographs with the site's trimaps alone": ("given",),
    "drawn scenes too": ("real", "composite", "drawn"),
    "drawn scenes alone": ("drawn",),
}
VARIANTS = (*ABLATION, *OTHER_SOURCES)


@dataclass(frozen=True, kw_only=True)
class Options(TrainingOptions):
    """Options of this experiment; the networks are trained in float32 whatever `precision` says."""

    kept: Path = option(Path("fusion_scenes"), "folder of solved scenes, and of the sheet")
    parts: tuple[str, ...] = option(PARTS, "what to do", choices=PARTS)
    folds: tuple[int, ...] = option(tuple(range(FOLDS)), "folds to train and score", choices=tuple(range(FOLDS)))
    variants: tuple[str, ...] = option(VARIANTS, "variants of the part ablation", choices=VARIANTS)
    weights: Path = option(ROOT / "hybridmatte" / "weights" / "fusion", "folder of the package's weights")


EXPERIMENT = Experiment(
    name="fusion",
    question="How much better than the best solver is alpha once a small network has corrected it?",
    cost="one hour; extras deep and onnx, the data folder",
    options=Options,
    packages=("numpy", "scipy", "numba", "opencv-python-headless", "torch"),
    card=ROOT / "hybridmatte" / "weights" / "fusion" / "README.md",
)
