"""Errors of the service: a status, a sentence, and the argument that it is about. Imports nothing heavy."""

from __future__ import annotations

import json
import re

__all__ = ["FAULT", "TIME_LIMIT", "Refusal", "field_of", "in_words_of_the_service", "wrong_method"]

KINDS = {
    400: "bad request",
    401: "not authorized",
    404: "not found",
    405: "method not allowed",
    408: "timeout",
    413: "too large",
    415: "unsupported file",
    422: "wrong value",
    429: "busy",
    500: "internal",
    503: "unavailable",
}
TIME_LIMIT = "time limit"  # the kind of a 503 that would come again
RETRY_SECONDS = {"busy": 2, "unavailable": 5}  # by kind
FIELDS = ("image", "trimap", "mask", "alpha", "background", "box", "label", "erode", "dilate", "method", "quality")
SAME = {"points": "point", "point": "point", "segmenter": "segmenter", "fit": "fit", "output": "output"}
POINTS = re.compile(r"^points is\b")
OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")


class Refusal(Exception):
    """An answer other than a result; `message` is one sentence, `field` the argument that it is about.

    `kind` is the status in words, unless another is given: programs tell refusals of one status by it.
    """

    def __init__(
        self,
        status: int,
        message: str,
        field: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        kind: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.field, self.kind = status, message, field, kind or KINDS[status]
        self.headers = headers
        if self.kind in RETRY_SECONDS:
            self.headers += (("retry-after", str(RETRY_SECONDS[self.kind])),)

    def __reduce__(self) -> tuple[type[Refusal], tuple[int, str, str | None, tuple[tuple[str, str], ...], str]]:
        """Travel between processes."""
        return Refusal, (self.status, self.message, self.field, (), self.kind)

    @property
    def body(self) -> bytes:
        """The answer as JSON."""
        error = {"message": self.message, "field": self.field, "kind": self.kind}
        return json.dumps({"error": error}).encode()


FAULT = Refusal(500, "the request has failed by a fault of the service, whose log has the details")


def wrong_method(given: str, allowed: tuple[str, ...]) -> Refusal:
    """Return the refusal of a request whose path has other methods."""
    headers = (("allow", ", ".join(allowed)),)
    return Refusal(405, f"the method is {given[:20]}, expected {' or '.join(allowed)}", headers=headers)


def field_of(message: str) -> str | None:
    """Return the file or option that a sentence of the library is about: the word with which it begins."""
    if message.startswith("a point "):
        return "point"
    first = message.split(maxsplit=1)[0].rstrip(":,") if message.strip() else ""
    return SAME.get(first, first if first in FIELDS else None)


def in_words_of_the_service(text: str) -> str:
    """Return a text with options as requests name them: mask_square for --mask-square, point for the list `points`."""
    named = OPTION.sub(lambda match: match[1].replace("-", "_"), text)
    return POINTS.sub("point is", named)
