"""Alpha at half the size of a picture, against alpha at its own size, by how soft the picture is."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import DataOptions, option

SETS = ("held out", "animals and portraits")
WAYS = ("own size", "half size")


@dataclass(frozen=True, kw_only=True)
class Variant:
    """What is done to a photograph and its alpha: they are enlarged and blurred, and the photograph gets noise.

    factor enlarges them. blur is the standard deviation of a Gaussian, in pixels of the enlarged photograph. noise is
    the standard deviation in the dark, a share of white; photons is the variance that is added to its square in white.
    jpeg is the quality of a JPEG file from 1 to 100, 0 for none.
    """

    blur: float = 0.0
    factor: float = 1.0
    noise: float = 0.005
    photons: float = 0.0
    jpeg: int = 0


VARIANTS = {
    "as it is": Variant(noise=0),
    "blur of 0.7": Variant(blur=0.7),
    "blur of 1": Variant(blur=1),
    "blur of 1.5": Variant(blur=1.5),
    "blur of 2": Variant(blur=2),
    "blur of 3": Variant(blur=3),
    "1.4 times": Variant(factor=1.4),
    "2 times": Variant(factor=2),
    "2 times, blur of 0.7": Variant(factor=2, blur=0.7),
    "2 times, blur of 1.5": Variant(factor=2, blur=1.5),
    "2 times, blur of 1.5, noise of photons": Variant(factor=2, blur=1.5, photons=2e-4),
    "2 times, blur of 1.5, JPEG 95": Variant(factor=2, blur=1.5, jpeg=95),
    "3 times": Variant(factor=3),
}


@dataclass(frozen=True, kw_only=True)
class Options(DataOptions):
    """Options of this experiment."""

    sets: tuple[str, ...] = option(SETS, "photographs", choices=SETS)
    variants: tuple[str, ...] = option(tuple(VARIANTS), "what is done to them", choices=tuple(VARIANTS))


EXPERIMENT = Experiment(
    name="soft_pictures",
    question="Is alpha as good at half the size of a soft picture, and does the rule find these?",
    cost="an hour; the data folder",
    options=Options,
    packages=("numpy", "scipy", "numba", "opencv-python-headless"),
)
