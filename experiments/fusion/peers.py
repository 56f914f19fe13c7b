"""Other packages on the twenty photographs, and how the shipped method compares with the best of them."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np

from experiments.data_sets import TRIMAPS
from experiments.fusion import TWICE
from experiments.fusion.judged import ERRORS, Found
from experiments.fusion.kept_scenes import read_judged
from experiments.fusion.scoring import errors_of
from experiments.results import Row, make_row
from experiments.tables import table

PEERS = {  # module and function in `baselines.peers`
    "OpenCV information flow": ("opencv", "information_flow"),
    "PyMatting sampling": ("pymatting", "sampling"),
    "PyMatting closed form": ("pymatting", "closed_form"),
    "PyMatting KNN": ("pymatting", "knn"),
}
GOALS = {"sad": "0.60 / 0.50", "mse": "0.60 / 0.60", "grad": "0.60 / 0.60"}


def score_peers(name: str, folder: Path) -> list[Row]:
    """Return rows of the other packages on a scene: a photograph with one of the site's trimaps."""
    _, photograph, number = name.split("/")
    scene, kind = read_judged(name, folder), TRIMAPS[int(number)]
    image, rows = np.moveaxis(np.float64(scene.estimates.image), 0, 2).copy(), []
    for peer, (module, function) in PEERS.items():
        alpha = getattr(import_module(f"baselines.peers.{module}"), function)(image, np.float64(scene.trimap))
        errors = errors_of(alpha, scene.truth, scene.trimap)
        rows.append(make_row(peer, f"{kind}: {photograph}", alpha.shape, errors, set=kind, photograph=photograph))
    return rows


def peers_of(found: Found) -> list[str]:
    """Return the other packages that were scored."""
    return [peer for peer in PEERS if (peer, TRIMAPS[0], None) in found]


def peer_table(found: Found, protocol: str, photographs: Sequence[str]) -> list[str]:
    """Return the ratios of the shipped method's mean errors to the least of the other packages'; nothing if missing."""
    peers = peers_of(found)
    if not peers or (TWICE, TRIMAPS[0], protocol) not in found:
        return []
    lines = []
    for key, heading in ERRORS.items():
        cells = []
        for trimap in TRIMAPS:
            least, peer = min((found[peer, trimap, None].means(key, photographs)[0], peer) for peer in peers)
            cells.append((np.mean(found[TWICE, trimap, protocol].means(key, photographs)) / least, peer))
        ratios = " / ".join(f"{ratio:.2f}" for ratio, _ in cells)
        lines.append([heading, ratios, GOALS.get(key, ""), " / ".join(peer for _, peer in cells)])
    about = f'Mean errors of "{TWICE}" over the least mean error of another package, narrow / wide trimaps:'
    return [about, table(["error", "ratio", "goal", "the best other package"], lines)]
