"""Net-M's attention against that of GCA-Matting: parameters, operations, time and memory."""

from experiments.experiment import Experiment

NAMES = ("Net-M, one block", "GCA, two blocks")
PASSES = ("forward", "forward and backward")

EXPERIMENT = Experiment(
    name="bench_attention",
    question="How many operations does the attention of Net-M save over that of GCA-Matting?",
    cost="one minute; extra deep",
    packages=("torch",),
)
