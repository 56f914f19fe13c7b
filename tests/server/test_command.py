"""The command `hybridmatte serve`: its settings, its errors, and what it does without the extra."""

import os
import subprocess
import sys
import textwrap

import pytest

from hybridmatte.cli import main
from hybridmatte.server import serving
from tests.server.conftest import ROOT


@pytest.fixture
def settings_of(monkeypatch):
    """Return a function that runs the command, and returns the settings with which it would serve."""

    def run(*words):
        taken = []
        monkeypatch.setattr(serving, "serve", lambda settings, _functions, **options: taken.append((settings, options)))
        with pytest.raises(SystemExit) as leave:
            main(["serve", *words])
        assert leave.value.code in (0, None)
        return taken[0]

    return run


def test_defaults_are_for_this_machine_alone(settings_of, monkeypatch):
    monkeypatch.delenv("HYBRIDMATTE_TOKEN", raising=False)
    settings, options = settings_of()
    assert (settings.host, settings.port, settings.token, settings.segmenters) == (
        "127.0.0.1",
        8000,
        None,
        ("bundled",),
    )
    assert 2 <= settings.workers <= 4
    assert options["is_opened"] is False  # no terminal


def test_options_reach_the_settings(settings_of, monkeypatch):
    monkeypatch.setenv("HYBRIDMATTE_TOKEN", "from-the-variable")
    words = "--host 0.0.0.0 -p 0 --workers 3 --queue 5 --timeout 7 --queue-timeout 8 --max-mib 9 --max-pixels 10 --open"
    settings, options = settings_of(*words.split(), "--segmenter", "bundled", "--allow-host", "matte.example")
    assert (settings.host, settings.port, settings.workers, settings.queue) == ("0.0.0.0", 0, 3, 5)
    assert (settings.timeout, settings.queue_timeout) == (7, 8)
    assert (settings.max_bytes, settings.max_pixels) == (9 << 20, 10)
    assert (settings.token, settings.hosts) == ("from-the-variable", ("matte.example",))
    assert options["is_opened"] is True
    assert settings_of("--token", "given")[0].token == "given"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--host 0.0.0.0", "host is 0.0.0.0, which other machines can reach, expected a token"),
        ("--token= --host 0.0.0.0", "token is empty, expected a word"),
        ("--segmenter sam9", "segmenter is 'sam9', expected"),
        ("--timeout 0", "timeout is 0.0, expected more than 0"),
        ("--queue-timeout 0", "queue_timeout is 0.0, expected more than 0"),
        ("--max-mib 0", "--max-mib"),
        ("--port 99999", "port is 99999, expected at most 65535"),
    ],
)
def test_wrong_settings_are_one_sentence(capsys, monkeypatch, words, said):
    monkeypatch.delenv("HYBRIDMATTE_TOKEN", raising=False)
    with pytest.raises(SystemExit) as leave:
        main(["serve", *words.split()])
    assert leave.value.code == 2
    assert said in capsys.readouterr().err


def test_without_the_extra_the_command_says_how_to_install_it():
    """And the rest of the package works, the client too."""
    code = """
        import importlib.util, sys
        find = importlib.util.find_spec
        missing = ("fastapi", "uvicorn", "starlette", "prometheus_client", "python_multipart")
        sys.modules.update(dict.fromkeys(missing))
        import hybridmatte.errors
        hybridmatte.errors.find_spec = lambda name: None if name in missing else find(name)
        import hybridmatte.cli.app
        from hybridmatte.server import Client
        Client()
        from hybridmatte.cli import main
        main(["serve"])
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", textwrap.dedent(code)]
    run = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert run.returncode == 2, run.stderr
    assert run.stderr.startswith("error: fastapi, uvicorn, python_multipart, prometheus_client not installed")
    assert "pip install 'hybridmatte[app]'" in run.stderr


def test_the_first_page_does_not_wait_for_what_is_heavy():
    """What is imported before the first answer: no solver, no decoder, and no FastAPI."""
    code = "import sys, hybridmatte.cli.serve, hybridmatte.server.serving; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    heavy = {"fastapi", "pydantic", "prometheus_client", "numba", "scipy", "numpy", "cv2", "PIL", "tifffile", "torch"}
    assert not heavy & {name.split(".")[0] for name in run.stdout.split()}
