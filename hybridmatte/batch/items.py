"""What a batch works on: one picture with all that belongs to it, and what came of it. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from hybridmatte.automatic.found import Findings
from hybridmatte.batch.parts import Part

__all__ = ["Delivery", "Inputs", "Item", "Plan"]


class Plan(NamedTuple):
    """How a picture is worked on.

    Attributes
    ----------
    work : callable
        Takes a Job and a `Budget` as ``budget``, as `hybridmatte.batch.work` has them; picklable.
    tasks : tuple of str
        What the work does, see `hybridmatte.batch.budget.Budget`.
    held : int
        Bytes a pixel that are held beside the tasks.
    has_confidence : bool
        Whether the work gives the confidence of alpha.
    method, weights : str or None
        For the record.
    """

    work: Callable[..., object]
    tasks: tuple[str, ...] = ("reading",)
    held: int = 0
    has_confidence: bool = False
    method: str | None = None
    weights: str | None = None


class Item(NamedTuple):
    """One picture of a batch.

    Attributes
    ----------
    index : int
        Its place in the input, from 0.
    key : str
        The name of its result without the ending, unlike that of every other item; the record knows it by this name.
    image : Part
        The photograph; for "evaluate", the alpha that is scored.
    plane : Part or None
        Its trimap, mask or alpha; for "evaluate", the true alpha.
    known : Part or None
        A trimap beside the plane, for "refine" and "evaluate".
    background : path, str or None
        A picture or a colour.
    options : tuple of str
        Options of its own, as on the command line.
    plan : Plan or None
        How it is worked on.
    error : str or None
        What is wrong with it, so that it is not worked on.
    """

    index: int
    key: str
    image: Part
    plane: Part | None = None
    known: Part | None = None
    background: Path | str | None = None
    options: tuple[str, ...] = ()
    plan: Plan | None = None
    error: str | None = None


class Inputs(NamedTuple):
    """The items of an input, their number where that is known, and sentences on what is not taken."""

    items: Iterable[Item]
    total: int | None
    notes: list[str]


class Delivery(NamedTuple):
    """What a worker gives back: what there is to say, the picture's width and height, scores, and the result's bytes.

    data is None where the worker has written the result itself.
    """

    findings: Findings | None = None
    size: tuple[int, int] | None = None
    scores: dict[str, float] | None = None
    data: bytes | None = None
