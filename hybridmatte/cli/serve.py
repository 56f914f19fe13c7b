"""``serve``: the HTTP service and its page."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from hybridmatte.cli.auto import auto
from hybridmatte.cli.composite import composite
from hybridmatte.cli.cutout import cutout
from hybridmatte.cli.matte import matte
from hybridmatte.cli.options import MaxPixels
from hybridmatte.cli.refine import refine
from hybridmatte.cli.streams import note
from hybridmatte.cli.trimap import trimap
from hybridmatte.server.settings import MIB, TOKEN_VARIABLE

SERVED = {"auto": auto, "matte": matte, "cutout": cutout, "refine": refine, "trimap": trimap, "composite": composite}

Host = Annotated[
    str,
    typer.Option("--host", metavar="ADDRESS", help="Address to listen on; one that others can reach needs --token."),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token",
        metavar="WORD",
        help=f"Word that requests must bring (Authorization: Bearer WORD). Default: the variable {TOKEN_VARIABLE}, "
        "which other users of the machine do not see.",
    ),
]
Processes = Annotated[
    int | None, typer.Option("--workers", min=1, help="Number of processes. Default: one a core, 2 to 4.")
]
Seconds = Annotated[float, typer.Option("--timeout", help="Seconds after which the work on a request is stopped.")]
QueueSeconds = Annotated[float, typer.Option("--queue-timeout", help="Seconds that a request may wait for a process.")]
AllowedSegmenters = Annotated[
    list[str] | None,
    typer.Option(
        "--segmenter",
        metavar="NAME",
        help="Segmenter that requests may use; may be repeated, the first one is the default. Default: bundled.",
    ),
]


def serve(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", "-p", help="Port to listen on; 0 takes a free one.")] = 8000,
    token: Token = None,
    workers: Processes = None,
    queue: Annotated[int, typer.Option("--queue", min=0, help="Number of requests that may wait for a process.")] = 32,
    timeout: Seconds = 300,
    queue_timeout: QueueSeconds = 60,
    max_mib: Annotated[int, typer.Option("--max-mib", min=1, help="Largest body of a request in MiB.")] = 256,
    max_pixels: MaxPixels = 60_000_000,
    segmenter: AllowedSegmenters = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="Name that a proxy on this machine gives; may be repeated."),
    ] = None,
    is_opened: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open the page in the browser. Default: if started in a terminal."),
    ] = None,
) -> None:
    """Serve the page and the HTTP service on this machine, until Ctrl-C.

    hybridmatte serve

    hybridmatte serve --host 0.0.0.0 --token "$(openssl rand -hex 16)"
    """
    from hybridmatte.errors import require_extra

    require_extra("app", "fastapi", "uvicorn", "python_multipart", "prometheus_client")
    from hybridmatte.server.serving import serve as run
    from hybridmatte.server.settings import Settings

    if segmenter:
        from hybridmatte.automatic.registry import load_segmenter

        for name in segmenter:  # a name that does not exist is refused now, not at the first request
            load_segmenter(name)
    chosen = {} if workers is None else {"workers": workers}
    settings = Settings(
        host=host,
        port=port,
        token=os.environ.get(TOKEN_VARIABLE) or None if token is None else token,
        queue=queue,
        queue_timeout=queue_timeout,
        timeout=timeout,
        max_bytes=max_mib * MIB,
        max_pixels=max_pixels,
        segmenters=tuple(segmenter or ("bundled",)),
        hosts=tuple(allow_host or ()),
        **chosen,
    )
    run(settings, SERVED, say=note, is_opened=sys.stdout.isatty() if is_opened is None else is_opened)
