"""The correction network of free sources: trained on rendered and drawn scenes alone, scored on photographs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from experiments.experiment import Experiment
from experiments.fusion import FREE
from experiments.options import TrainingOptions, option
from experiments.results import ROOT

RENDERED, HARD, DRAWN = "rendered", "rendered hard", "drawn free"  # groups of scenes
HELD_OUT = 4  # of each kind of foreground, one of so many is held out where the doubts are scaled
STEPS = 2000


@dataclass(frozen=True)
class Recipe:
    """What a network learns from, and how long.

    Parameters
    ----------
    groups : mapping
        Of each group of scenes, one of so many pixels is learned from.
    steps : int
    numbers : tuple of int
        Scenes of a foreground that are learned from: 0 is plain, 1 as a camera records it.
    """

    groups: Mapping[str, int] = field(default_factory=lambda: {RENDERED: 1})
    steps: int = STEPS
    numbers: tuple[int, ...] = (0, 1)


TUNING = {
    "rendered": Recipe(),
    "rendered and hard": Recipe({RENDERED: 1, HARD: 2}),
    "rendered and hard, a third of the pixels": Recipe({RENDERED: 3, HARD: 6}),
    "rendered and hard, no camera": Recipe({RENDERED: 1, HARD: 2}, numbers=(0,)),
    "rendered and hard, camera alone": Recipe({RENDERED: 1, HARD: 2}, numbers=(1,)),
    "rendered and hard, half the steps": Recipe({RENDERED: 1, HARD: 2}, STEPS // 2),
    "rendered and hard, twice the steps": Recipe({RENDERED: 1, HARD: 2}, 2 * STEPS),
    "rendered, hard and drawn": Recipe({RENDERED: 1, HARD: 2, DRAWN: 1}),
}
FREE_RENDERED = "fusion, rendered scenes alone"
METHODS = {FREE: TUNING["rendered, hard and drawn"], FREE_RENDERED: TUNING["rendered"]}
CANDIDATE = "fusion, few hard, and rendered"  # what is shipped, and rendered scenes
BESIDE = Recipe({RENDERED: 3})  # of these scenes
PARTS = ("scenes", "tuning", "free", "stress", "doubts", "candidate", "weights")


@dataclass(frozen=True, kw_only=True)
class FreeOptions(TrainingOptions):
    """Options of this experiment; the networks are trained in float32 whatever `precision` says."""

    kept: Path = option(Path("fusion_scenes"), "folder of solved scenes and networks, that of the experiment fusion")
    pictures: Path = option(Path("rendered_scenes"), "folder of the experiment rendered_scenes")
    parts: tuple[str, ...] = option(PARTS, "what to do", choices=PARTS)
    methods: tuple[str, ...] = option((FREE,), "networks of the parts free, stress and doubts", choices=tuple(METHODS))
    variants: tuple[str, ...] = option(tuple(TUNING), "recipes of the part tuning", choices=tuple(TUNING))
    weights: Path = option(ROOT / "hybridmatte" / "weights" / "fusion_free", "folder of the package's free weights")


EXPERIMENT = Experiment(
    name="fusion_free",
    question="How good is the correction when it is learned from rendered and drawn scenes alone?",
    cost="one hour on one core; extras deep and onnx, rendered pictures, the data folder",
    options=FreeOptions,
    packages=("numpy", "scipy", "numba", "opencv-python-headless", "torch"),
    card=ROOT / "hybridmatte" / "weights" / "fusion_free" / "README.md",
)
