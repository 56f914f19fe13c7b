"""``methods``: the list of methods."""

from __future__ import annotations

from hybridmatte.cli.streams import show

WHEN = {"best": "the default", "fast": "many images, little time"}  # to use a quality


def methods() -> None:
    """List the qualities and methods: what each does, and when to use it; and what the weights may be used for."""
    from rich.table import Table

    from hybridmatte.correction.matting import QUALITIES
    from hybridmatte.correction.weights import WEIGHTS_KINDS
    from hybridmatte.methods.registry import METHODS

    table = Table("Method", "What it does", "When to use it")
    for name, summary in QUALITIES.items():
        table.add_row(f"--quality {name}", summary, WHEN[name])
    for method in METHODS.values():
        table.add_row(method.name, method.summary, method.when)
    show(table)
    uses = Table("Weights of --quality best, and of the networks of auto", "May be used for")
    for name, use in WEIGHTS_KINDS.items():
        uses.add_row(f"--weights {name}", use)
    show(uses)
