"""Training without alpha labels (Tables 1 and 4 and Fig. 2 of the paper) at the size of two CPU cores."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import DataOptions, option

PARTS = ("training", "cost")
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

    parts: tuple[str, ...] = option(("training",), "train and score, or measure DDC's share of a step", choices=PARTS)
    forms: tuple[str, ...] = option(tuple(FORMS), "networks without and with a trimap", choices=tuple(FORMS))
    policies: tuple[str, ...] = option(tuple(POLICIES), "losses", choices=tuple(POLICIES))
    variants: tuple[str, ...] = option(("as configured",), "settings", choices=tuple(VARIANTS))
    seeds: tuple[int, ...] = option((0, 1, 2), "seeds to train with")
    steps: int | None = option(None, "steps of training; without it, as in config.toml", minimum=10)
    precision: str = option("32-true", "precision as Lightning names it, for example bf16-mixed")


EXPERIMENT = Experiment(
    name="alpha_free_small",
    question="Do the alpha-free losses rank as in the paper, and are trimaps nearly as good as true alphas?",
    cost="40 to 70 minutes for each form and three seeds; extras deep and demo, the data folder",
    options=Options,
    packages=("numpy", "torch", "timm", "lightning"),
)
