"""``methods``: the list of methods."""

from __future__ import annotations

from hybridmatte.cli.streams import show

WHEN = {"best": "the default", "fast": "many images, little time"}  # to use a quality


def methods() -> None:
    """List the qualities and methods: what each does, and when to use it."""
    from rich.table import Table

    from hybridmatte.correction.matting import QUALITIES
    from hybridmatte.methods.registry import METHODS

    table = Table("Method", "What it does", "When to use it")
    for name, summary in QUALITIES.items():
        table.add_row(f"--quality {name}", summary, WHEN[name])
    for method in METHODS.values():
        table.add_row(method.name, method.summary, method.when)
    show(table)
