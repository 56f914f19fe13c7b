"""What requests and /health are told before the first worker is ready."""

import asyncio
import json
import logging

import pytest

from hybridmatte.server import workers
from hybridmatte.server.failures import Refusal
from hybridmatte.server.settings import Settings
from hybridmatte.server.work import COMPILATION, Compiling, Listed, Ready
from tests.server.asgi import Ask, application, ask, run


class Compiler:
    """A worker whose messages come one by one, with pauses."""

    def __init__(self, *messages):
        self.messages = list(messages)

    def receive(self):
        import time

        time.sleep(0.1)
        return self.messages.pop(0)


def test_health_has_a_reason_and_seconds(monkeypatch, tmp_path):
    app, recorder = application(monkeypatch, tmp_path)
    monkeypatch.setattr(recorder, "start", lambda: None)
    warming = json.loads(ask(app, Ask("/health"))[0].body)
    assert (warming["status"], warming["reason"]) == ("warming up", workers.LOADING)
    assert 0 <= warming["seconds"] < 100
    monkeypatch.setattr(recorder, "_is_compiling", True)
    assert json.loads(ask(app, Ask("/health"))[0].body)["reason"] == COMPILATION
    monkeypatch.setattr(recorder, "n_failures", 3)
    failing = json.loads(ask(app, Ask("/health"))[0].body)
    assert (failing["status"], failing["reason"]) == ("failing", workers.NOT_STARTED)
    app, _ = application(monkeypatch, tmp_path)
    ready = json.loads(ask(app, Ask("/v1/methods"), Ask("/health"))[1].body)
    assert (ready["status"], ready["reason"], ready["seconds"]) == ("ready", None, None)


def test_the_log_says_that_kernels_are_compiled_and_for_how_long(monkeypatch, caplog):
    monkeypatch.setattr(workers, "NOTE_SECONDS", 0.02)
    caplog.set_level(logging.INFO)

    async def warm_up():
        all_workers = workers.Workers(Settings())
        all_workers._listing = asyncio.get_running_loop().create_future()
        await all_workers._await_ready(Compiler(Listed({}), Compiling(), Compiling(), Ready(1.0)))
        assert not all_workers._is_compiling

    run(warm_up())
    assert caplog.text.count(f"{COMPILATION}; requests wait") == 1
    assert "kernels are still being compiled, after 0 s" in caplog.text


@pytest.mark.parametrize("asked", ["work", "listing"])
def test_a_request_whose_deadline_passes_hears_of_the_compilation(monkeypatch, asked):
    monkeypatch.setattr(workers, "WARMING_SECONDS", 0.05)

    async def wait():
        all_workers = workers.Workers(Settings(queue_timeout=0.05))
        all_workers._listing, all_workers._is_compiling = asyncio.get_running_loop().create_future(), True
        await (all_workers._take() if asked == "work" else all_workers.listing())

    with pytest.raises(Refusal, match=f"^{COMPILATION}; 0 s have passed, expected another request") as caught:
        run(wait())
    assert caught.value.status == 503
