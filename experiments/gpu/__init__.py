"""What a GPU does: losses over similar pixels, solvers of large images, and DDC's share of a training step."""

from dataclasses import dataclass

from experiments.experiment import Experiment
from experiments.options import Options, option

PARTS = ("tests", "losses", "solvers", "training")
PAPERS = "papers"  # a part that only --parts asks for: it takes all the time that there is
MEGAPIXELS = {"0.5 MP": (578, 866), "6 MP": (2000, 3000), "24 MP": (4000, 6000)}  # height and width
SOLVERS = ("cf", "knn")


@dataclass(frozen=True, kw_only=True)
class GpuOptions(Options):
    """Options of this experiment."""

    all: bool = option(False, "measure every part but papers, whatever --parts says")
    parts: tuple[str, ...] = option(PARTS, "what to measure; papers: their trainings", choices=(*PARTS, PAPERS))
    seconds: int = option(500, "seconds after which no further image is solved and trainings are stopped", minimum=1)


EXPERIMENT = Experiment(
    name="gpu",
    question="How fast and how small are losses and solvers on a GPU?",
    cost="nine minutes on an H100; a CUDA device, extras deep and demo",
    options=GpuOptions,
    packages=("torch", "triton", "numpy", "numba", "timm", "transformers"),
    keys=("bench", "method", "form", "subject"),
)
