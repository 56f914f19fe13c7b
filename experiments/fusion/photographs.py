"""The twenty photographs with true alpha, and how they are split into those learned from and those scored."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from experiments.data_sets import TRIMAPS, Case, alphamatting_cases, alphamatting_names
from experiments.fusion import FOLDS, FORMER_FOLDS, SETS, TWELVE_FOLDS


class Split(NamedTuple):
    """The names of the photographs that a network learns from, and of those that it is scored on."""

    learned: tuple[str, ...]
    held_out: tuple[str, ...]


def photograph_names(data: Path) -> list[str]:
    """Return the names of the twenty photographs: the twelve, then the eight."""
    return [name for folder in SETS for name in alphamatting_names(data, folder)]


def photograph_cases(data: Path, names: Sequence[str], trimaps: Sequence[str] = TRIMAPS) -> Iterator[Case]:
    """Yield a `Case` for each photograph and each trimap."""
    folders = {name: folder for folder in SETS for name in alphamatting_names(data, folder)}
    for name in names:
        yield from alphamatting_cases(data, [name], trimaps, folder=folders[name])


def splits(protocol: str, data: Path) -> list[Split]:
    """Return the splits of a protocol of `PROTOCOLS`; each photograph that is scored is held out once."""
    twelve, eight = (tuple(alphamatting_names(data, folder)) for folder in SETS)
    if protocol == "sets":
        return [Split(twelve, eight), Split(eight, twelve)]
    folded = {
        "folds": [(twelve + eight, FOLDS)],
        "inside": [(twelve, TWELVE_FOLDS), (eight, FORMER_FOLDS)],
        "twelve": [(twelve, TWELVE_FOLDS)],
        "eight": [(eight, FORMER_FOLDS)],
    }[protocol]
    return [
        Split(tuple(name for name in names if name not in group), tuple(group))
        for names, count in folded
        for group in (in_fold(names, fold, count) for fold in range(count))
    ]


def in_fold(names: Sequence[str], fold: int, count: int) -> Sequence[str]:
    """Return those of the photographs' names that a fold scores and does not learn from."""
    return names[fold::count]


def fold_partner(name: str, data: Path) -> str:
    """Return the next photograph of the same one of the five folds."""
    group = next(split.held_out for split in splits("folds", data) if name in split.held_out)
    return group[(group.index(name) + 1) % len(group)]
