"""The accuracy and speed of `refine` on small alphas."""

from experiments.experiment import Experiment
from experiments.options import DataOptions

LARGE = 512  # pixels, side of the small alpha of the photograph of 6 megapixels

EXPERIMENT = Experiment(
    name="bench_refine",
    question="How much better is `refine` than interpolation for enlarging a small alpha, and how fast?",
    cost="three minutes; the data folder",
    options=DataOptions,
    packages=("numpy", "scipy", "numba"),
)
