"""The pictures of the guide: contact sheets of scenes, most of them made, with known true alpha."""

from dataclasses import dataclass
from pathlib import Path

from experiments.experiment import Experiment
from experiments.options import Options, option
from experiments.results import ROOT

SCENES = ("flower", "hair", "foliage")


@dataclass(frozen=True, kw_only=True)
class PictureOptions(Options):
    """Options of this experiment."""

    scenes: tuple[str, ...] = option(SCENES, "scenes", choices=SCENES)
    guide: Path = option(ROOT / "docs" / "guide", "folder of the contact sheets")


EXPERIMENT = Experiment(
    name="guide_pictures",
    question="What does each method do well and badly, to the eye?",
    cost="one minute; extra demo",
    options=PictureOptions,
    packages=("numpy", "scipy", "numba"),
)
