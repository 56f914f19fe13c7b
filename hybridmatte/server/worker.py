"""A worker process: it gets work over a pipe, does it, and sends the result back.

The service imports this module too. So what is heavy is imported by name, in the worker only. SIGINT cancels the work
under way; at other times it is ignored. The process ends when the pipe is closed, by the service or by its end.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

from hybridmatte.errors import MissingExtraError, is_interrupt, remembering_interrupts
from hybridmatte.server.failures import Refusal, field_of, in_words_of_the_service
from hybridmatte.server.work import Begun, Cancelled, Compiling, Failed, Listed, Ready, Result, Work

__all__ = ["serve_pipe"]

USER_ERRORS = (ValueError, TypeError, ArithmeticError, ImportError)  # if they are sentences of the library


def serve_pipe(pipe: Connection, segmenters: tuple[str, ...]) -> None:
    """Do work from a pipe until it is closed."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C in a terminal reaches the service alone
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))  # blocked by the service until here
    with suppress(EOFError, OSError):  # the service has ended
        pipe.send(Listed(import_module("hybridmatte.server.listing").list_all(segmenters)))
        pipe.send(Ready(import_module("hybridmatte.server.warming").warm_up(lambda: pipe.send(Compiling()))))
        while True:
            work = pipe.recv()
            pipe.send(Begun())
            pipe.send(_answer(work))


def _answer(work: Work) -> Result | Refusal | Cancelled | Failed:
    """Do one piece of work; whatever happens becomes an answer."""
    do: Any = import_module("hybridmatte.server.tasks").do
    try:
        with _cancellable(), remembering_interrupts():
            try:
                return do(work)
            except Exception as error:
                if is_interrupt(error):
                    raise KeyboardInterrupt from error
                return _answer_of(error)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # if a second interrupt came in the end of `_cancellable`
        return Cancelled()


@contextmanager
def _cancellable() -> Iterator[None]:
    """Let SIGINT interrupt the block."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _answer_of(error: Exception) -> Refusal | Failed:
    """Return the answer for an error: a sentence for the client, or a trace for the log."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, MemoryError):
        sentence = str(error).partition("; ")[0]  # what follows names options of the command line
        return Refusal(503, sentence or "the work needs more memory than is free, expected less", field_of(sentence))
    message = in_words_of_the_service(" ".join(str(error).split()))
    if isinstance(error, USER_ERRORS) and (", expected " in message or message.startswith("segmenter ")):
        return Refusal(415 if isinstance(error, MissingExtraError) else 422, message, field_of(message))
    return Failed("".join(traceback.format_exception(error)))
