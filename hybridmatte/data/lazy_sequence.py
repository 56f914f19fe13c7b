"""A sequence whose items are made when they are accessed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar, overload

__all__ = ["LazySequence"]

ItemT = TypeVar("ItemT")


class LazySequence(Sequence[ItemT]):
    """A sequence that reads or makes an item when it is accessed; a slice gives a list of items.

    Subclasses define ``__len__`` and ``_item``, which raises IndexError beyond the end.
    """

    @abstractmethod
    def _item(self, index: int) -> ItemT:
        """Return one item."""

    @overload
    def __getitem__(self, index: int) -> ItemT: ...
    @overload
    def __getitem__(self, index: slice) -> list[ItemT]: ...
    def __getitem__(self, index: int | slice) -> ItemT | list[ItemT]:
        """Return one item, or a list of items for a slice."""
        if isinstance(index, slice):
            return [self._item(place) for place in range(*index.indices(len(self)))]
        return self._item(index)
