"""Tables of the networks on photographs that they have not seen, from the recorded rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from experiments.data_sets import TRIMAPS
from experiments.fusion import FORMER, METHOD_SOURCES, TWICE
from experiments.results import Row
from experiments.tables import mark, spread, table

SOLVERS = ("information_flow", "sampling")
ERRORS = {"sad": "SAD / 1000", "mse": "MSE x 1000", "grad": "Grad / 1000", "conn": "Conn / 1000"}
MEAN_GOAL, WORST_GOAL = 1.05, 1.15  # of the better solver's mean SAD on a stress set, and of a photograph's own


class Judged(NamedTuple):
    """The rows of a method on one set: {photograph: {seed: errors}}; a solver has one seed, None."""

    rows: Mapping[str, Mapping[int | None, Row]]

    def means(self, key: str, photographs: Iterable[str]) -> list[float]:
        """Return the means of an error over the photographs, one a seed."""
        runs = zip(*(self.rows[name].values() for name in photographs), strict=True)
        return [float(np.mean([row["error"][key] for row in run])) for run in runs]

    def of_photograph(self, name: str, key: str = "sad") -> float:
        """Return the mean of a photograph's error over the seeds."""
        return float(np.mean([row["error"][key] for row in self.rows[name].values()]))


Found = dict[tuple[str, str, str | None], Judged]  # by method, set and protocol


def judged(rows: Sequence[Row]) -> Found:
    """Return those of the rows that name their set, by method, set and protocol."""
    found: dict[tuple[str, str, str | None], dict[str, dict[int | None, Row]]] = {}
    for row in rows:
        if "set" in row:
            key = row["method"], row["set"], row.get("protocol")
            found.setdefault(key, {}).setdefault(row["photograph"], {})[row.get("seed")] = row
    return {key: Judged(photographs) for key, photographs in found.items()}


def methods_of(found: Found, protocol: str) -> list[str]:
    """Return the networks that a protocol has rows of."""
    scored = [method for method, kind, kept in found if (kind, kept) == (TRIMAPS[0], protocol)]
    listed = [name for name in (FORMER, *METHOD_SOURCES, TWICE) if name in scored]
    return [*listed, *(name for name in scored if name not in listed)]


def clean_table(found: Found, protocol: str, photographs: Sequence[str], peers: Sequence[str] = ()) -> str:
    """Return the errors of solvers, peers and a protocol's networks on photographs, with the site's trimaps."""
    lines = [_clean_line(found, name, None, photographs) for name in (*peers, *SOLVERS)]
    lines += [_clean_line(found, name, protocol, photographs) for name in methods_of(found, protocol)]
    return table(["method", *ERRORS.values(), "SAD over the best solver's, geometric mean", "worst"], lines)


def stress_table(found: Found, sets: Sequence[str], protocol: str) -> str:
    """Return each stress set's better solver and the networks' ratios to its SAD: mean, and worst photograph."""
    networks, lines = methods_of(found, protocol), []
    for kind in sets:
        scored = [found[name, kind, protocol].rows for name in networks if (name, kind, protocol) in found]
        if scored:
            photographs = list(scored[0])
            best, solver = min((found[name, kind, None].means("sad", photographs)[0], name) for name in SOLVERS)
            cells = [_stress_cells(found, name, kind, protocol, photographs, best) for name in networks]
            lines.append([kind, f"{best:.2f} ({solver})", *(cell for pair in cells for cell in pair)])
    headings = [f"{name}: {what}" for name in networks for what in ("ratio of means", "worst photograph")]
    return table(["stress set", "better solver's SAD / 1000", *headings], lines)


def ratios(found: Found, method: str, kind: str, protocol: str | None, photographs: Sequence[str]) -> dict[str, float]:
    """Return the ratios of a method's SAD to that of each photograph's better solver."""
    own = found[method, kind, protocol]
    return {
        name: own.of_photograph(name) / min(found[solver, kind, None].of_photograph(name) for solver in SOLVERS)
        for name in photographs
    }


def _clean_line(found, method, protocol, photographs):
    """Return a method's cells: its errors, geometric mean of the ratios, and the worst photograph."""
    parts = [found[method, trimap, protocol] for trimap in TRIMAPS]
    errors = [" / ".join(spread(part.means(key, photographs)) for part in parts) for key in ERRORS]
    own = [ratios(found, method, trimap, protocol, photographs) for trimap in TRIMAPS]
    geometric = " / ".join(f"{np.exp(np.mean(np.log([*part.values()]))):.2f}" for part in own)
    worst = " / ".join(f"{max(part.values()):.2f} {max(part, key=part.__getitem__)}" for part in own)
    rows = [row for part in parts for name in photographs for row in part.rows[name].values()]
    return [method + mark(rows), *errors, geometric, worst]


def _stress_cells(found, method, kind, protocol, photographs, best):
    """Return the ratio of means with its spread over the seeds, and the worst photograph."""
    if (method, kind, protocol) not in found:
        return "", ""
    means = np.divide(found[method, kind, protocol].means("sad", photographs), best)
    own = ratios(found, method, kind, protocol, photographs)
    missed = sum(ratio > WORST_GOAL for ratio in own.values())
    worst = f"{max(own.values()):.2f} {max(own, key=own.__getitem__)}"
    return f"{means.mean():.2f} ({np.std(means, ddof=min(1, len(means) - 1)):.2f})", worst + (
        f" ({missed} above {WORST_GOAL})" if missed else ""
    )
