"""What an experiment is: its question, its cost, its options, and where its code lies."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from experiments.options import Options
from experiments.results import Document, Row
from hybridmatte.errors import MissingExtraError

EXTRAS = {
    "torch": "deep",
    "timm": "deep",
    "transformers": "deep",
    "lightning": "deep",
    "torchmetrics": "deep",
    "tensorboard": "deep",
    "onnxruntime": "onnx",
    "matplotlib": "bench",
    "sklearn": "demo",
    "ray": "cluster",
    "s3fs": "cluster",
}


@dataclass(frozen=True)
class Experiment:
    """One experiment. Its package declares it; `run.py`, `report.py` and `draw.py` there are loaded when needed.

    Parameters
    ----------
    name : str
        Name of the package, of the recorded result and of the page.
    question : str
        What the experiment answers, in one line.
    cost : str
        Time and what it needs.
    options : subclass of Options
    packages : tuple of str
        Packages whose versions are recorded.
    keys : tuple of str
        A new row replaces the recorded row with the same values under these keys.
    pictures : tuple of str
        Names of the files in the folder of the page that are drawn from the recorded result.
    card : Path, optional
        A model card that shows a part of the result.
    is_resumable : bool
        Whether rows carry their configuration and a run adds those that are missing; see `experiments.recorded`.
    is_recorded : bool
        Whether rows are recorded; if not, there is no page either.
    """

    name: str
    question: str
    cost: str
    options: type[Options] = Options
    packages: tuple[str, ...] = ("numpy", "scipy", "numba")
    keys: tuple[str, ...] = ("method", "subject")
    pictures: tuple[str, ...] = ()
    card: Path | None = None
    is_resumable: bool = False
    is_recorded: bool = True

    def run(self, options: Options) -> Iterator[list[Row]]:
        """Measure; yield the rows of each finished part."""
        return self._load("run").run(options)

    def report(self, document: Document) -> list[str]:
        """Return the paragraphs and tables of the page."""
        return self._load("report").report(document)

    def report_card(self, document: Document) -> list[str]:
        """Return the paragraphs and tables that the model card shows."""
        return self._load("report").report_card(document)

    def draw(self, document: Document, folder: Path) -> None:
        """Draw the pictures that show the recorded result."""
        self._load("draw").draw(document, folder)

    def _load(self, part: str) -> ModuleType:
        """Return a module of the experiment, or raise `MissingExtraError` if it needs a package that is missing."""
        try:
            return import_module(f"experiments.{self.name}.{part}")
        except ModuleNotFoundError as error:
            if error.name not in EXTRAS:
                raise
            raise MissingExtraError(
                f"{error.name} not installed, expected the extra '{EXTRAS[error.name]}': "
                f"pip install 'hybridmatte[{EXTRAS[error.name]}]'"
            ) from error
