"""The two photographs that come with scikit-learn, which need no data folder."""

from importlib.util import find_spec
from pathlib import Path

from experiments.results import ROOT
from hybridmatte.errors import require_extra

FLOWER_TRIMAP = ROOT / "experiments" / "demo" / "flower_trimap.png"


def flower_photograph() -> Path:
    """Return the path of the photograph of a flower, 640 x 427 pixels; `FLOWER_TRIMAP` is its trimap."""
    return _scikit_learn_image("flower.jpg")


def temple_photograph() -> Path:
    """Return the path of the photograph of a temple, 640 x 427 pixels."""
    return _scikit_learn_image("china.jpg")


def _scikit_learn_image(name: str) -> Path:
    """Return the path of an image of scikit-learn, or raise `MissingExtraError`; scikit-learn is not imported."""
    require_extra("demo", "sklearn")
    spec = find_spec("sklearn")
    return Path(spec.submodule_search_locations[0], "datasets", "images", name)
