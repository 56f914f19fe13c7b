"""The network that corrects the best classical solver: trained, cross-validated and shipped."""

from dataclasses import dataclass
from pathlib import Path

from experiments.experiment import Experiment
from experiments.options import TrainingOptions, option
from experiments.results import ROOT

PARTS = ("scenes", "solvers", "peers", "folds", "ablation", "stress", "doubts", "weights", "sheet")
WITH_FORMER = (*PARTS, "former")  # this part needs the folder of the former weights
SETS = ("alphamatting", "alphamatting_more")  # folders of photographs with true alpha: twelve, and eight
FOLDS, TWELVE_FOLDS = 5, 4  # of the twenty photographs, and of the twelve
PROTOCOLS = {  # how photographs are split into those learned from and those scored
    "folds": "five folds of the twenty",
    "sets": "learned from the twelve and scored on the eight, and the other way round",
    "inside": "four folds of the twelve and four of the eight, to choose a method for the other set",
    "twelve": "four folds of the twelve",
    "eight": "former weights, of the twelve, on the eight; their doubts in four folds of the eight",
}
SCORED = ("folds", "sets", "inside")  # of the part folds
AVERAGE, ORACLE, FUSION = "average of the best four", "oracle: best solver of each photograph", "fusion"  # methods
HARDENED = "fusion, with hard scenes"
SOURCES = ("real", "composite")  # scenes that networks learn from where nothing else is said
TOGETHER = "fusion, outputs together"  # the doubts are trained with alpha, not after it
FEW = "fusion, with few pixels of hard scenes"
METHOD_SOURCES = {
    FUSION: SOURCES,
    HARDENED: (*SOURCES, "hard"),
    FEW: (*SOURCES, "few hard"),
    TOGETHER: SOURCES,
}
NETWORKS = tuple(METHOD_SOURCES)
FREE = "fusion, free sources"  # of the experiment fusion_free
RUN_TWICE = {name: f"{name}, two passes" for name in (FEW, FREE)}  # certain pixels are known in the second pass
TWICE = RUN_TWICE[FEW]
FORMER, FORMER_FOLDS = "former weights", 4  # trained on the twelve; folds of the eight, for the doubts
SHIPPED = FEW  # the method of the package's weights, which run in two passes
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
    parts: tuple[str, ...] = option(PARTS, "what to do", choices=WITH_FORMER)
    protocols: tuple[str, ...] = option(SCORED, "protocols of the part folds", choices=SCORED)
    methods: tuple[str, ...] = option(NETWORKS, "networks of folds, stress and doubts", choices=NETWORKS)
    variants: tuple[str, ...] = option(VARIANTS, "variants of the part ablation", choices=VARIANTS)
    former: Path | None = option(None, "folder of weights that were trained on the twelve, for the part former")
    weights: Path = option(ROOT / "hybridmatte" / "weights" / "fusion", "folder of the package's weights")


EXPERIMENT = Experiment(
    name="fusion",
    question="How much better than the best solver is alpha once a small network has corrected it?",
    cost="one hour; extras deep and onnx, the data folder",
    options=Options,
    packages=("numpy", "scipy", "numba", "opencv-python-headless", "torch"),
    card=ROOT / "hybridmatte" / "weights" / "fusion" / "README.md",
)
