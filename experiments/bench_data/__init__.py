"""Training samples that one worker process makes in a second."""

from experiments.experiment import Experiment
from experiments.options import DataOptions

EXPERIMENT = Experiment(
    name="bench_data",
    question="How many training samples does one worker process make in a second?",
    cost="two minutes; extra deep and the data folder",
    options=DataOptions,
    packages=("numpy", "torch", "opencv-python-headless"),
)
