"""How many requests have been answered, by what they asked for and by status. Imports nothing heavy."""

from __future__ import annotations

from collections import Counter

from hybridmatte.server.shapes import SHAPES

__all__ = ["Counts", "command_of"]

OTHERS = ("/health", "/metrics", "/openapi.json", "/v1/methods")


def command_of(path: str) -> str | None:
    """Return the name of the command at a path; None for other paths."""
    name = path.removeprefix("/v1/")
    return name if name in SHAPES and name != path else None


class Counts:
    """The answers of the service, also those before a command has begun, such as 401 and 404."""

    def __init__(self) -> None:
        self.n_answers: Counter[tuple[str, int]] = Counter()

    def add(self, path: str, status: int) -> None:
        """Count one answer; paths that do not exist count as one."""
        is_page = path == "/" or path.startswith("/page/")
        name = "page" if is_page else path.rpartition("/")[2] if path in OTHERS else command_of(path) or "other"
        self.n_answers[name, status] += 1
