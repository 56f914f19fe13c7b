"""The losses over similar pairs against their unfolded form: time and memory."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import Options, option

LOSSES = ("affinity_loss", "dc_loss", "ddc_loss", "ddc_hinge_loss")
FORMS = ("hybridmatte", "hybridmatte, similarity given", "unfolded")


@dataclass(frozen=True, kw_only=True)
class LossOptions(Options):
    """Options of this experiment."""

    losses: tuple[str, ...] = option(LOSSES, "losses to measure", choices=LOSSES)


EXPERIMENT = Experiment(
    name="bench_losses",
    question="How fast and how small are the losses over similar pairs, against their unfolded form?",
    cost="five minutes; extras deep and demo",
    options=LossOptions,
    packages=("torch", "numpy", "numba"),
    keys=("bench", "method", "form", "subject"),
)
