"""``segmenters``: the list of segmenters."""

from __future__ import annotations

from hybridmatte.cli.streams import show


def segmenters() -> None:
    """List the segmenters that find an object for auto: whether each can run here, and what is missing."""
    from rich.table import Table

    from hybridmatte.automatic.registry import list_segmenters

    table = Table("Segmenter", "What it is", "Runs here", "Note")
    for info in list_segmenters():
        table.add_row(
            *(_plain(text) for text in (info.name, info.summary, "yes" if info.is_available else "no", info.note))
        )
    show(table)


def _plain(text: str) -> object:
    """Return a text for a table, in which brackets have no meaning."""
    from rich.text import Text

    return Text(text)
