"""Many damaged files of every format, to a real service: a result or one sentence, and never a fault."""

from importlib.util import find_spec

import numpy as np
import pytest
from PIL import features

from hybridmatte.server import Client, ServiceError
from tests.faults.test_mutants import TIFF_KINDS, mutant, saved
from tests.server.conftest import health
from tests.server.test_processes import workers_of

pytestmark = pytest.mark.slow
MUTANTS = 25  # of each format


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF", "AVIF", "HEIF", *TIFF_KINDS])
@pytest.mark.parametrize("part", ["image", "mask"])
def test_mutants_are_a_result_or_one_sentence(service, kind, part):
    if kind == "HEIF" and find_spec("pillow_heif") is None:
        pytest.skip("extra heic not installed")
    if kind == "AVIF" and not ("avif" in features.modules and features.check("avif")):
        pytest.skip("Pillow without AVIF")
    data, rng, client, before = saved(kind), np.random.default_rng(31), Client(service.url), workers_of(service)
    statuses = []
    for _ in range(MUTANTS):
        file = mutant(data, rng)
        try:
            if part == "image":
                client.send("decode", {"image": file})
            else:
                client.send("trimap", {"mask": file})
            statuses.append(200)
        except ServiceError as error:
            statuses.append(error.status)
    assert set(statuses) <= {200, 413, 415, 422}
    assert "Traceback" not in service.log.read_text()
    assert workers_of(service) == before
    assert health(service)["status"] == "ready"


@pytest.mark.parametrize("part", ["image", "mask", "background", "trimap"])
def test_noise_in_every_part(service, pictures, part):
    rng, client = np.random.default_rng(32), Client(service.url)
    for size in (1, 10, 1000, 100_000):
        noise = rng.integers(0, 256, size, dtype=np.uint8).tobytes()
        files = {"image": pictures.image, part: noise}
        command = "matte" if part == "trimap" else "auto"
        with pytest.raises(ServiceError) as caught:
            client.send(command, files)
        assert (caught.value.status, caught.value.field) == (415, part)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"--x",
        b"--x\r\n\r\n",
        b'--x\r\nContent-Disposition: form-data; name="image"\r\n',
        b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\nabc',
        b"\r\n" * 1000,
        b"--x--\r\n",
        b"--x\r\n" * 1000,
        b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n",
        b"--x\r\nContent-Disposition: form-data; name*=utf-8''%ff\r\n\r\na\r\n--x--\r\n",
        b'--x\r\n\xff\xfe: form-data; name="image"\r\n\r\na\r\n--x--\r\n',
    ],
)
def test_malformed_forms(service, head):
    import http.client
    from urllib.parse import urlsplit

    parts = urlsplit(service.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    connection.request("POST", "/v1/auto", head, {"Content-Type": "multipart/form-data; boundary=x"})
    response = connection.getresponse()
    assert response.status == 400
    assert b'"kind": "bad request"' in response.read()
    connection.close()
