"""Cut a flower out of a photograph: the whole way from image and trimap to alpha, cut-out and contact sheet."""

from importlib.util import find_spec
from pathlib import Path

IMAGE = Path(find_spec("sklearn").submodule_search_locations[0], "datasets", "images", "flower.jpg")
TRIMAP = Path(__file__).with_name("flower_trimap.png")
