"""The texture that DC paints into a known foreground."""

from experiments.experiment import Experiment

EXPERIMENT = Experiment(
    name="texture_noise",
    question="Which losses paint the texture of a photograph into a known foreground?",
    cost="three minutes; extras deep and demo",
    packages=("numpy", "torch"),
)
