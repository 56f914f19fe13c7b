"""One item of a batch from its files to its result: read, solve, write. Both engines call `finish_item`."""

from __future__ import annotations

from pathlib import Path

from hybridmatte.automatic.found import Findings
from hybridmatte.batch.budget import Budget, budget_for
from hybridmatte.batch.items import Delivery, Item
from hybridmatte.batch.outputs import Target, written
from hybridmatte.batch.pairing import Job
from hybridmatte.batch.parts import NamedBytes, Part, Remote
from hybridmatte.batch.stores import Stores
from hybridmatte.io.pictures import read_size

__all__ = ["finish_item"]


def finish_item(
    item: Item, *, target: Target | None, budget: Budget | None = None, force: bool = False, maps: Target | None = None
) -> Delivery:
    """Read the files of an item, work on it, and write its result whole, or return the bytes of the result.

    Parameters
    ----------
    item : Item
        With a plan.
    target : Target, optional
        Where the result goes. None for work without one: scores.
    budget : Budget, optional
        The memory of each item. Without it, what is free where this runs, unless force is given.
    maps : Target, optional
        Where the confidence maps go, if the plan has a confidence; they are not kept without it.
    """
    if item.error is not None or item.plan is None:
        raise ValueError(item.error)
    stores = Stores() if target is None else target.stores
    image, plane, known = (_opened(part, stores) for part in (item.image, item.plane, item.known))
    output = _file_for(target, item)
    confidence = _file_for(maps, item) if item.plan.has_confidence else None
    if budget is None:
        budget = budget_for(item.plan.tasks, force=force, held=item.plan.held)
    else:
        budget = budget._replace(tasks=item.plan.tasks, held=item.plan.held)
    options = {} if known is None else {"trimap": known}
    job = Job(image, plane, output, item.background, confidence)
    result = item.plan.work(job, budget=budget, **options)
    size = read_size(image)[::-1]
    if isinstance(result, Delivery):
        return result._replace(size=size)
    _store(confidence, maps, item)
    findings = result if isinstance(result, Findings) else None
    return Delivery(findings, size, None, _store(output, target, item))


def _opened(part: Part | None, stores: Stores) -> Path | NamedBytes | None:
    """Return a path or a file in memory."""
    return stores.read(part) if isinstance(part, Remote) else part


def _file_for(target: Target | None, item: Item) -> Path | NamedBytes:
    """Return what a result is written to: its path in a folder, which is made, and else a file in memory."""
    place = None if target is None or not target.root else target.place(item.key)
    if isinstance(place, Path):
        place.parent.mkdir(parents=True, exist_ok=True)
        return place
    return NamedBytes(b"", item.key if place is None else str(place))


def _store(file: Path | NamedBytes | None, target: Target | None, item: Item) -> bytes | None:
    """Put a result in memory into its store; return its bytes if the main process writes them."""
    if target is None or not isinstance(file, NamedBytes):
        return None
    if not target.root:
        return file.getvalue()
    written(target.place(item.key), file.getvalue(), target.stores)
    return None
