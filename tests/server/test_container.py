"""The Dockerfile, the compose file, and the same steps without a container."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hybridmatte.server.serving import grace_seconds_of
from hybridmatte.server.settings import Settings
from tests.server.conftest import ROOT

FOLDER = ROOT / "docs" / "service"


def instructions():
    """Return the instructions of the Dockerfile: (name, rest), with continued lines joined."""
    text = re.sub(r"^#.*\n", "", (FOLDER / "Dockerfile").read_text(), flags=re.MULTILINE).replace("\\\n", "")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def named(name):
    return [rest for one, rest in instructions() if one == name]


def test_the_image_is_slim_and_does_not_run_as_root():
    known = "ARG FROM WORKDIR RUN COPY ENV USER EXPOSE HEALTHCHECK STOPSIGNAL ENTRYPOINT CMD"
    names = [name for name, _ in instructions()]
    assert set(names) <= set(known.split())
    assert all(re.fullmatch(r"python:\$\{PYTHON\}-slim( AS \w+)?", image) for image in named("FROM"))
    assert re.fullmatch(r"\d+", named("USER")[-1])
    assert named("USER")[-1] != "0"
    assert names.index("USER") < len(names) - 1 - names[::-1].index("RUN")  # kernels belong to that user


def test_kernels_are_compiled_when_the_image_is_built():
    assert any("hybridmatte compile" in step for step in named("RUN"))
    assert "NUMBA_CACHE_DIR" in named("ENV")[0]


def test_commands_are_lists_so_that_signals_arrive():
    for name in ("ENTRYPOINT",):
        assert json.loads(named(name)[-1])[:2] == ["hybridmatte", "serve"]
    check = json.loads(named("HEALTHCHECK")[-1].partition(" CMD ")[2])
    compile(check[-1], "health check", "exec")
    assert "/health" in check[-1]


def test_what_is_copied_exists_and_is_not_ignored():
    kept = {line[1:] for line in (FOLDER / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    sources = [word for rest in named("COPY") if "--from" not in rest for word in shlex.split(rest)[:-1]]
    assert set(sources) == kept
    assert all((ROOT / source).exists() for source in sources)


def test_options_of_the_container_are_those_of_the_command():
    from typer.main import get_command

    from hybridmatte.cli.app import app

    yaml = pytest.importorskip("yaml")
    options = {
        text for option in get_command(app).commands["serve"].params for text in option.opts + option.secondary_opts
    }
    service = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["hybridmatte"]
    words = json.loads(named("ENTRYPOINT")[-1])[2:] + service["command"]
    assert [word for word in words if word.startswith("--")] == ["--host", "--no-open", "--workers", "--queue"]
    assert {word for word in words if word.startswith("--")} <= options


def test_compose_needs_a_token_and_opens_no_port_to_others():
    yaml = pytest.importorskip("yaml")
    service = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["hybridmatte"]
    assert service["environment"]["HYBRIDMATTE_TOKEN"].startswith("${HYBRIDMATTE_TOKEN:?")
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert (FOLDER / service["build"]["context"] / service["build"]["dockerfile"]).resolve() == FOLDER / "Dockerfile"
    assert service["cap_drop"] == ["ALL"]


def test_compose_waits_for_the_requests_under_way():
    """The container was ended by force a minute before the last request could have its answer."""
    yaml = pytest.importorskip("yaml")
    service = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]["hybridmatte"]
    assert 60 * int(service["stop_grace_period"].removesuffix("m")) > grace_seconds_of(Settings(token="secret"))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not installed")
def test_hadolint():
    subprocess.run(["hadolint", FOLDER / "Dockerfile"], check=True)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("sh") is None, reason="no shell")
def test_the_steps_of_the_container_without_one(tmp_path):
    """As the script does in a clean environment; here with the installed packages."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    command = ["sh", FOLDER / "try_service.sh", sys.executable]
    run = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.endswith("the service has answered\nthe service has ended\n")
    assert list(Path(tmp_path).iterdir()) == []
