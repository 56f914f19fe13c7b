"""What the OpenAPI document says of bodies and answers."""

from __future__ import annotations

from typing import Any

from hybridmatte.server.answers import DESCRIPTION_HEADER
from hybridmatte.server.commands import Command

__all__ = ["describe_body", "describe_responses"]

BINARY = {"type": "string", "format": "binary", "minLength": 1}
PARTS = {
    "image": "The photograph: PNG, JPEG, TIFF, WebP, AVIF, HEIC, OpenEXR, BMP or GIF.",
    "trimap": "A grey picture of the image's size: black is background, white foreground, the rest unknown.",
    "mask": "A mask of the image's aspect ratio, white where the object is; also labels, a cut-out or a NumPy array.",
    "alpha": "A grey picture, or a cut-out whose transparency is the alpha.",
    "background": "A picture of any size.",
}
ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "field", "kind"],
            "properties": {
                "message": {"type": "string"},
                "field": {"type": ["string", "null"]},
                "kind": {"type": "string"},
            },
        }
    },
}
WAIT = {"description": "Seconds; not where asking again ends the same.", "schema": {"type": "integer"}}
STATUSES = {
    400: "The request is malformed, or a file is missing.",
    401: "The token is missing or wrong.",
    408: "The body did not arrive in time.",
    413: "The body has too many bytes, or a picture too many pixels.",
    415: "A file is of a kind that is not read.",
    422: "An option or a file has a value that is refused.",
    429: "Too many requests wait already.",
    500: "A fault of the service.",
    503: "No worker was free in time, the work took too long, or its process died.",
}


def describe_body(command: Command) -> dict[str, Any]:
    """Return the description of a command's body: a form, or the file itself where one is enough."""
    required = [group[0] for group in command.required if len(group) == 1]
    form: dict[str, Any] = {
        "type": "object",
        "properties": {name: {**BINARY, "description": PARTS[name]} for name in command.parts},
        "additionalProperties": False,
    }
    if required:
        form["required"] = required
    for group in command.required:
        if len(group) > 1:
            form["anyOf"] = [{"required": [name]} for name in group]
    content: dict[str, Any] = {"multipart/form-data": {"schema": form}}
    if len(command.required) == 1:
        content |= {kind: {"schema": BINARY} for kind in ("image/*", "application/octet-stream")}
    return {"requestBody": {"required": True, "content": content}}


def describe_responses(command: Command) -> dict[int | str, dict[str, Any]]:
    """Return the description of a command's answers."""
    content: dict[str, Any] = {kind: {"schema": BINARY} for kind in ("image/png", "image/tiff")}
    if len(command.outputs) > 1:
        parts: dict[str, Any] = {name: BINARY for name in command.outputs}
        content["multipart/form-data"] = {
            "schema": {"type": "object", "properties": {"description": {"type": "object"}, **parts}}
        }
    told = {"description": "The description as JSON, for a single output.", "schema": {"type": "string"}}
    answers: dict[int | str, dict[str, Any]] = {
        200: {"description": "The result.", "content": content, "headers": {DESCRIPTION_HEADER: told}}
    }
    for status, text in STATUSES.items():
        answers[status] = {"description": text, "content": {"application/json": {"schema": ERROR}}}
    for status in (429, 503):
        answers[status]["headers"] = {"Retry-After": WAIT}
    return answers
