"""How long a batch will take, from a few of its pictures."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import NamedTuple

from hybridmatte.batch.items import Item
from hybridmatte.batch.pool import run_job

__all__ = ["Trial", "try_items"]

N_SAMPLE = 5


class Trial(NamedTuple):
    """Pictures counted, and the sample that was solved.

    Attributes
    ----------
    total, skipped, unusable : int
        Items of the input, those that the record holds, and those that are known to fail before they are worked on.
    seconds : tuple of float
        Of each picture of the sample that was solved; the first is solved once before, which is not counted, since code
        is loaded then.
    megapixels : tuple of float
        Sizes of these pictures.
    output_bytes : tuple of int
        Sizes of their results.
    errors : tuple of str
        Of the first that are known to fail, and of those of the sample that failed.
    """

    total: int
    skipped: int
    unusable: int
    seconds: tuple[float, ...]
    megapixels: tuple[float, ...]
    output_bytes: tuple[int, ...]
    errors: tuple[str, ...]

    @property
    def todo(self) -> int:
        """Number of items to work on."""
        return self.total - self.skipped - self.unusable

    @property
    def mean_seconds(self) -> float | None:
        """Mean over the sample, None if all of it failed."""
        return sum(self.seconds) / len(self.seconds) if self.seconds else None


def try_items(items: Iterable[Item], work: Callable[[Item], object], done: set[str], *, seed: int = 0) -> Trial:
    """Count the items, and solve a few of them, drawn evenly; nothing is written."""
    draw = random.Random(seed)
    sample: list[Item] = []
    errors: list[str] = []
    total = skipped = unusable = 0
    for item in items:
        total += 1
        skipped += item.key in done
        if item.key in done:
            continue
        unusable += item.error is not None
        if item.error is not None:
            errors += [item.error] if unusable <= N_SAMPLE else []
            continue
        seen = total - skipped - unusable
        if len(sample) < N_SAMPLE:
            sample.append(item)
        elif draw.randrange(seen) < N_SAMPLE:
            sample[draw.randrange(N_SAMPLE)] = item
    if sample:
        run_job(work, sample[0])
    outcomes = [run_job(work, item) for item in sample]
    solved = [outcome for outcome in outcomes if outcome.error is None and outcome.delivery is not None]
    sizes = [outcome.delivery.size for outcome in solved if outcome.delivery is not None and outcome.delivery.size]
    results = [outcome.delivery.data for outcome in solved if outcome.delivery is not None]
    return Trial(
        total,
        skipped,
        unusable,
        tuple(outcome.seconds for outcome in solved),
        tuple(width * height / 1e6 for width, height in sizes),
        tuple(len(data) for data in results if data is not None),
        (*errors, *(outcome.error for outcome in outcomes if outcome.error is not None)),
    )
