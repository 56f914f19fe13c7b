"""The hard segmentation effect: the affinity loss does not limit the slope of an edge."""

from experiments.experiment import Experiment

STEPS = 4000  # of descent

EXPERIMENT = Experiment(
    name="hard_segmentation",
    question="How steep does each loss let alpha become across a soft edge?",
    cost="three minutes; extras deep and bench",
    packages=("numpy", "torch"),
    pictures=("hard_segmentation.png",),
)
