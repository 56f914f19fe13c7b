"""Alpha at half the size of a picture, against alpha at its own size, by how sharp the picture is."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import DataOptions, option

SETS = ("first twelve", "eight more", "animals and portraits")
WAYS = ("own size", "half size")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What is done to a photograph: it is enlarged so many times, gets noise, and is compressed as JPEG.

    noise is the standard deviation, a share of white; jpeg is the quality from 1 to 100, 0 for none.
    """

    factor: float = 1.0
    noise: float = 0.0
    jpeg: int = 0


VARIANTS = {
    "as it is": Variant(),
    "1.4 times": Variant(factor=1.4, noise=0.005),
    "1.7 times": Variant(factor=1.7, noise=0.005),
    "2 times": Variant(factor=2, noise=0.005),
    "2 times, noise of 2%": Variant(factor=2, noise=0.02),
    "2 times, JPEG 90": Variant(factor=2, noise=0.005, jpeg=90),
}


@dataclass(frozen=True, kw_only=True)
class Options(DataOptions):
    """Options of this experiment."""

    sets: tuple[str, ...] = option(SETS, "photographs", choices=SETS)
    variants: tuple[str, ...] = option(tuple(VARIANTS), "what is done to them", choices=tuple(VARIANTS))


EXPERIMENT = Experiment(
    name="soft_pictures",
    question="Is alpha as good at half the size of a picture that is not sharp?",
    cost="half an hour; the data folder",
    options=Options,
    packages=("numpy", "scipy", "numba", "opencv-python-headless"),
)
