"""Foregrounds with exact alpha and grounds, rendered by Blender: scenes that anyone may learn from."""

from dataclasses import dataclass
from pathlib import Path

from experiments.experiment import Experiment
from experiments.options import Options, option

COUNTS = {  # of foregrounds
    "hair": 17,
    "fur": 11,
    "plant": 13,
    "net": 9,
    "feather": 8,
    "clear": 8,
    "cloth": 8,
    "solid": 9,
    "whole": 17,
}
GROUND, GROUNDS = "ground", 30


def foreground_names() -> list[str]:
    """Return the names ``<kind>/<k>`` of all foregrounds; the kinds alternate, so that the first ones have all."""
    order = sorted((k + 0.5, count, kind, k) for kind, count in COUNTS.items() for k in range(count))
    return [f"{kind}/{k}" for _, _, kind, k in sorted(order, key=lambda entry: entry[0] / entry[1])]


def ground_names() -> list[str]:
    """Return the names ``ground/<k>`` of all grounds."""
    return [f"{GROUND}/{k}" for k in range(GROUNDS)]


@dataclass(frozen=True, kw_only=True)
class RenderedOptions(Options):
    """Options of this experiment."""

    kept: Path = option(Path("rendered_scenes"), "folder of the pictures, and of the sheet")
    blender_python: Path = option(Path("python"), "Python interpreter that has the package bpy")


EXPERIMENT = Experiment(
    name="rendered_scenes",
    question="Foregrounds with exact alpha and grounds, rendered by Blender, to learn from without restriction.",
    cost="35 minutes on one core; an interpreter of Python 3.11 with bpy 5.0",
    options=RenderedOptions,
    is_recorded=False,
)
