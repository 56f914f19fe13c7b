"""The answer to a request: one picture, or a form of several."""

from __future__ import annotations

import json
import secrets
from typing import Any

__all__ = ["DESCRIPTION_HEADER", "answer_of"]

DESCRIPTION_HEADER = "X-Hybridmatte-Description"
TYPES = {"png": "image/png", "tiff": "image/tiff"}


def answer_of(
    files: dict[str, bytes], description: dict[str, Any], file_format: str, *, is_list: bool
) -> tuple[bytes, dict[str, str]]:
    """Return the body and the headers of an answer.

    One file is the body, and the description a header, as JSON in ASCII. With `is_list`, the body is a form with a part
    for each file and the part `description`.
    """
    if not is_list:
        ((name, data),) = files.items()
        said = json.dumps({"output": name, **description})
        return data, {"content-type": TYPES[file_format], DESCRIPTION_HEADER: said}
    boundary = f"hybridmatte-{secrets.token_hex(16)}"
    parts = [_part(boundary, "description", "application/json", json.dumps(description).encode())]
    for name, data in files.items():
        parts.append(_part(boundary, name, TYPES[file_format], data, f"{name}.{file_format}"))
    body = b"".join([*parts, f"--{boundary}--\r\n".encode()])
    return body, {"content-type": f"multipart/form-data; boundary={boundary}"}


def _part(boundary: str, name: str, kind: str, data: bytes, filename: str | None = None) -> bytes:
    """Return a part of a form; what has a file name is a file to browsers."""
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\nContent-Type: {kind}\r\n\r\n'
    return head.encode() + data + b"\r\n"
