"""The paths under ``/v1``, ``/metrics`` and ``/openapi.json``."""

# Annotations are read by FastAPI, and name classes that are made here: they must not be strings.

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from hybridmatte import __version__
from hybridmatte.server.answers import answer_of
from hybridmatte.server.commands import Command
from hybridmatte.server.counts import Counts
from hybridmatte.server.failures import FAULT, Refusal, field_of, wrong_method
from hybridmatte.server.health import health_of
from hybridmatte.server.metrics import CONTENT_TYPE_LATEST, Metrics
from hybridmatte.server.openapi import describe_body, describe_responses
from hybridmatte.server.prompts import prompts_of
from hybridmatte.server.settings import Settings
from hybridmatte.server.uploads import UNNAMED, Held, Share, read_uploads
from hybridmatte.server.validation import LONGEST, meant, sentence_of
from hybridmatte.server.work import Style, Upload, Work
from hybridmatte.server.workers import Workers

__all__ = ["make_api"]

HELD_BODIES = 4  # of the largest size, that all requests together may hold
BEARER = HTTPBearer(scheme_name="token", description="The word of `hybridmatte serve --token`.", auto_error=False)
LEFT = 499  # status of a request whose client has gone; nobody reads it but the metrics


def make_api(settings: Settings, workers: Workers, commands: dict[str, Command], counts: Counts) -> FastAPI:
    """Return the application for all paths but the page and ``/health``."""
    api = FastAPI(
        title="hybridmatte", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False
    )  # a redirection would lose the body of many clients
    service = _Service(settings, workers, counts)
    guard = [] if settings.token is None else [Depends(BEARER)]  # the gate checks it; here it is described
    for command in commands.values():
        api.post(
            f"/v1/{command.name}",
            summary=command.summary,
            response_class=Response,
            responses=describe_responses(command),
            openapi_extra=describe_body(command),
            operation_id=command.name,
            dependencies=guard,
        )(_endpoint(service, command))
    _add_reports(api, service, guard)
    _add_refusals(api, commands)
    return api


def _add_reports(api: FastAPI, service: "_Service", guard: list[Any]) -> None:
    """Add the paths that tell of the service itself."""
    settings, workers = service.settings, service.workers

    @api.get("/v1/methods", summary="Methods, qualities, segmenters and limits of the service.", dependencies=guard)
    async def methods() -> dict[str, Any]:
        limits = {"max_bytes": settings.max_bytes, "max_pixels": settings.max_pixels}
        return {**await workers.listing(), "limits": limits}

    @api.get("/health", summary="Whether the service is ready; without a token.")
    async def health() -> dict[str, Any]:
        return health_of(settings, workers)  # the gate answers this path before; here it is described

    @api.get("/metrics", summary="Metrics for Prometheus.", response_class=Response, dependencies=guard)
    async def metrics() -> Response:
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


def _add_refusals(api: FastAPI, commands: dict[str, Command]) -> None:
    """Let each error be answered in the service's form."""
    api.exception_handler(Refusal)(_refuse)

    @api.exception_handler(RequestValidationError)
    async def refuse_options(request: Request, error: RequestValidationError) -> Response:
        """Say in the library's form which option is wrong."""
        options = commands[request.url.path.rpartition("/")[2]].options.model_fields
        name, message = sentence_of(error.errors()[0], tuple(options), request.url.path)
        return _response(Refusal(422, message, name))

    api.exception_handler(HTTPException)(_refuse_path)
    api.exception_handler(Exception)(_refuse_fault)


def _endpoint(service: "_Service", command: Command) -> Callable[..., Awaitable[Response]]:
    """Return the function of a command's path."""
    model: type[BaseModel] = command.options

    async def answer(request: Request, options: Annotated[model, Query()]) -> Response:  # type: ignore[valid-type]
        return await service.answer(command, request, options)

    return answer


class _Service:
    """What all commands share."""

    def __init__(self, settings: Settings, workers: Workers, counts: Counts) -> None:
        self.settings, self.workers = settings, workers
        self.metrics = Metrics(workers, counts)
        self.held = Held(HELD_BODIES * settings.max_bytes)

    async def answer(self, command: Command, request: Request, options: BaseModel) -> Response:
        """Answer one request, and keep the time that it took."""
        start = time.perf_counter()
        try:
            with self.workers.admission(), self.held.share() as share:
                return await self._answer(command, request, options, share)
        except ConnectionResetError:
            return Response(status_code=LEFT)
        finally:
            self.metrics.seconds.labels(command.name).observe(time.perf_counter() - start)

    async def _answer(self, command: Command, request: Request, options: BaseModel, share: Share) -> Response:
        _check_repeated(request, command)
        values = options.model_dump()
        names = tuple(part.strip() for part in values.pop("output").split(","))
        outputs, style = _checked_outputs(command, names), Style(values.pop("format"), values.pop("bits"))
        if "segmenter" in values:
            try:
                values |= prompts_of(values["box"], values["point"])
            except ValueError as error:
                raise Refusal(422, str(error), str(error).split(maxsplit=1)[0]) from error
        uploads = await read_uploads(
            request.receive, request.headers, command.parts, self.settings, share, type(options).model_fields
        )
        self.metrics.received.inc(share.n_bytes)
        _check_parts(command, uploads, values)
        if "background" in uploads and "background" not in options.model_fields_set:
            values["background"] = None  # a picture in place of the default colour
        if "segmenter" in values:
            values["segmenter"] = _segmenter(values["segmenter"], uploads, self.settings)
        work = Work(command.name, uploads, values, outputs, style, self.settings.max_pixels)
        result = await _until_left(request, self.workers.run(work))
        self.metrics.sent.inc(sum(len(data) for data in result.files.values()))
        body, headers = answer_of(result.files, result.description, style.format, is_list=len(outputs) > 1)
        return Response(body, headers=headers)


async def _until_left(request: Request, work: Any) -> Any:
    """Await work; cancel it if the client leaves before."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(request.receive())  # after the body, the next message says that the client left
    try:
        await asyncio.wait([working, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ConnectionResetError("the client has left")
        return working.result()
    finally:
        leaving.cancel()
        working.cancel()
        await asyncio.wait([working, leaving])


def _check_repeated(request: Request, command: Command) -> None:
    """Refuse an option that came twice, unless it is a list: only the last value would count."""
    for name, n_times in Counter(name for name, _ in request.query_params.multi_items()).items():
        if n_times > 1 and name not in command.lists:
            hint = "; several are separated by commas" if name == "output" else ""
            raise Refusal(422, f"{name} came {n_times} times, expected once{hint}", name)


def _checked_outputs(command: Command, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the outputs; refuse others, and one that comes twice."""
    for name in names:
        if name not in command.outputs:
            raise Refusal(422, f"output is {name[:40]!r}, expected {' or '.join(command.outputs)}", "output")
    if len(set(names)) < len(names):
        raise Refusal(422, f"output is {','.join(names)[:100]}, expected each once", "output")
    return names


def _check_parts(command: Command, uploads: dict[str, Upload], values: dict[str, Any]) -> None:
    """Refuse a request that lacks a file; a body without parts is what the option `from` of a trimap says."""
    if command.name == "trimap":
        kind = values["from"]
        if kind not in ("mask", "alpha"):
            raise Refusal(422, f"from is {kind[:40]!r}, expected 'mask' or 'alpha'", "from")
        if kind == "alpha" and uploads.get("mask", Upload("", b"")).name == UNNAMED:  # the body is the file
            uploads["alpha"] = uploads.pop("mask")
        if kind not in uploads:
            raise Refusal(400, f"{kind} is missing, expected it as from is {kind!r}", kind)
        if len(uploads) > 1:
            raise Refusal(400, "mask and alpha came, expected one of the two", "alpha")
        if "alpha" in uploads and values["label"] is not None:
            raise Refusal(422, f"label is {values['label']}, expected none with an alpha", "label")
    for group in command.required:
        if not any(name in uploads for name in group):
            raise Refusal(400, f"{group[0]} is missing, expected it as a part of the form", group[0])


def _segmenter(name: str | None, uploads: dict[str, Upload], settings: Settings) -> str:
    """Return the segmenter; refuse one beside a mask."""
    if name is not None and "mask" in uploads:
        raise Refusal(422, f"segmenter is {name}, expected none with a mask", "segmenter")
    return name or settings.segmenters[0]


def _response(refusal: Refusal) -> Response:
    return Response(refusal.body, refusal.status, dict(refusal.headers), "application/json")


async def _refuse(_request: Request, refusal: Refusal) -> Response:
    return _response(refusal)


async def _refuse_path(request: Request, error: HTTPException) -> Response:
    """Say that there is no such path, or no such method, and which there are."""
    path = request.url.path
    if error.status_code == 405:
        return _response(wrong_method(request.method, tuple(sorted((error.headers or {})["Allow"].split(", ")))))
    if error.status_code == 404:
        paths = ("/", *sorted(route.path for route in request.app.routes))
        message = f"there is no path {path[:LONGEST]!r}{meant(path, paths)}, expected one of {', '.join(paths)}"
        return _response(Refusal(404, message))
    return _response(Refusal(400, f"the request is malformed ({error.detail})", field_of("")))


async def _refuse_fault(_request: Request, _error: Exception) -> Response:
    """Hide a fault of the program from the client; the gate logs it."""
    return _response(FAULT)
