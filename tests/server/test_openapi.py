"""The OpenAPI document: valid, complete, with examples that work, and kept by the service (schemathesis)."""

import json
from importlib.util import find_spec

import numpy as np
import pytest

from hybridmatte.cli.serve import SERVED
from hybridmatte.server.commands import LEFT_OUT, commands_of
from tests.server.asgi import Ask, application, ask

BUNDLED = ("bundled",)


@pytest.fixture
def document(monkeypatch, tmp_path):
    """The document, as the service gives it."""
    app, _ = application(monkeypatch, tmp_path)
    return json.loads(ask(app, Ask("/openapi.json"))[0].body)


def test_every_path_is_described(document):
    paths = {f"/v1/{name}" for name in (*SERVED, "decode", "methods")}
    assert set(document["paths"]) == {*paths, "/metrics", "/health"}
    for name in (*SERVED, "decode"):
        post = document["paths"][f"/v1/{name}"]["post"]
        assert set(post["responses"]) >= {"200", "400", "401", "408", "413", "415", "422", "429", "503"}
        assert "multipart/form-data" in post["requestBody"]["content"]
        assert all(parameter["description"] for parameter in post["parameters"])


def test_the_token_is_described_where_it_is_asked_for(monkeypatch, tmp_path, document):
    """Clients that are made from the document did not send the token."""
    assert "security" not in json.dumps(document)
    app, _ = application(monkeypatch, tmp_path, token="secret")
    guarded = json.loads(ask(app, Ask("/openapi.json", headers=(("authorization", "Bearer secret"),)))[0].body)
    scheme = guarded["components"]["securitySchemes"]["token"]
    assert (scheme["type"], scheme["scheme"]) == ("http", "bearer")
    for path, methods in guarded["paths"].items():
        (operation,) = methods.values()
        assert operation.get("security") == (None if path == "/health" else [{"token": []}]), path


def test_when_to_ask_again_is_described(document):
    answers = document["paths"]["/v1/auto"]["post"]["responses"]
    assert {status for status, answer in answers.items() if "Retry-After" in answer.get("headers", {})} == {
        "429",
        "503",
    }


@pytest.mark.parametrize("name", SERVED)
def test_options_are_those_of_the_command_line(name):
    """A new option of a command must be offered, or be left out for a reason."""
    import inspect

    from typer.models import OptionInfo

    known = {*commands_of(SERVED, BUNDLED)[name].options.model_fields, *LEFT_OUT}
    given = set(inspect.signature(SERVED[name], eval_str=True).parameters)
    options = {
        one.name
        for one in inspect.signature(SERVED[name], eval_str=True).parameters.values()
        if any(isinstance(extra, OptionInfo) for extra in getattr(one.annotation, "__metadata__", ()))
    }
    renamed = {"kind": "from"}
    assert {renamed.get(option, option) for option in options & given} <= known


def test_defaults_and_help_are_those_of_the_command_line():
    fields = commands_of(SERVED, BUNDLED)["auto"].options.model_fields
    assert fields["trust_mask"].default is False
    assert fields["erode"].default is None
    assert "Do not correct the mask by the bundled network" in fields["trust_mask"].description
    assert not any("--" in (field.description or "") for field in fields.values())
    assert commands_of(SERVED, BUNDLED)["composite"].options.model_fields["background"].default == "white"


@pytest.mark.slow
def test_examples_of_the_document_work(document, service, pictures):
    """Each option with each of its examples, sent to a real service."""
    from hybridmatte.server import Client

    client, n_sent = Client(service.url), 0
    image = np.rint(pictures.scene.image * 255).astype(np.uint8)
    for path, methods in document["paths"].items():
        for parameter in methods.get("post", {}).get("parameters", []):
            for example in parameter["schema"].get("examples", []):
                name, files = path.removeprefix("/v1/"), {"image": image}
                if name in ("matte", "cutout"):
                    files["trimap"] = pictures.trimap
                if name == "refine" or (name == "composite"):
                    files["alpha"] = pictures.alpha
                if name == "trimap":
                    files = {"mask": pictures.mask}
                client.send(name, files, options={parameter["name"]: example})
                n_sent += 1
    assert n_sent >= 10


@pytest.mark.slow
@pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed")
def test_schemathesis_finds_no_fault(service, tmp_path):
    """Requests made up from the document: every answer is one that the document allows, and none is 500."""
    import os
    import subprocess
    import sys

    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{service.url}openapi.json", "--max-examples=4"),
        *("--checks=all", "--exclude-checks=positive_data_acceptance"),  # made-up bytes are no picture
        *("--seed=1", "--generation-database=:memory:", "--request-timeout=60"),
    ]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "NO_COLOR": "1"})
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    assert "Traceback" not in service.log.read_text()
