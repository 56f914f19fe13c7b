"""The penalty of a pair under DC, DDC and the hinge, and where the minimisers lie."""

from experiments.experiment import Experiment

EXPERIMENT = Experiment(
    name="ddc_minimum",
    question="Where do the minimisers of DDC and of the hinge lie?",
    cost="one minute; extras deep, bench and demo",
    packages=("numpy", "numba", "torch"),
    pictures=("ddc_minimum.png",),
)
