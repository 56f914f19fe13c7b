"""A real service: its answers are those of the library, and hostile files are refused in one sentence."""

import http.client
import io
import json
import struct
import zlib
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

import hybridmatte
from hybridmatte.io.pictures import read_alpha, read_image, write_alpha, write_image
from hybridmatte.server import Client, ServiceError
from tests.faults.test_mutants import mutant
from tests.server.conftest import encoded, health

STEP = 0.5 / 255 + 1e-6  # half a step of 8 bits


@pytest.fixture
def client(service):
    return Client(service.url)


def test_matte_answers_what_the_library_answers(client, pictures):
    answer = client.matte(pictures.image, pictures.trimap)
    image, trimap = read_image(io.BytesIO(pictures.image)), read_alpha(io.BytesIO(pictures.trimap))
    assert np.abs(answer.array("alpha") - hybridmatte.matte(image, trimap)).max() <= STEP
    assert (answer.description["width"], answer.description["height"]) == (80, 64)
    assert answer.description["method"] == "quality best"
    assert answer.description["seconds"] > 0


def test_several_outputs_at_once(client, pictures):
    wanted = ("alpha", "cutout", "confidence", "foreground", "trimap")
    answer = client.matte(pictures.image, pictures.trimap, outputs=wanted, options={"bits": 16})
    image, trimap = read_image(io.BytesIO(pictures.image)), read_alpha(io.BytesIO(pictures.trimap))
    alpha, confidence = hybridmatte.matte_with_confidence(image, trimap)
    assert list(answer.files) == list(wanted)
    assert np.abs(answer.array("alpha") - alpha).max() < 1e-4
    assert np.abs(answer.array("confidence") - confidence).max() < 1e-4
    cut = hybridmatte.decontaminate(image, alpha)
    assert np.abs(answer.array("foreground") - cut[..., :3]).max() < 1e-3
    assert Image.open(io.BytesIO(answer.files["cutout"])).mode == "RGBA"
    assert np.abs(answer.array("trimap") - trimap).max() < 1e-4
    assert set(answer.description["confidence"]) == {"mean", "likely_wrong"}


@pytest.mark.slow
def test_auto_by_a_mask(client, pictures):
    answer = client.auto(
        pictures.image, pictures.mask, outputs=["alpha"], options={"trust_mask": True, "invert": False}
    )
    image, mask = read_image(io.BytesIO(pictures.image)), read_alpha(io.BytesIO(pictures.mask))
    expected = hybridmatte.matte_from_mask(image, mask, trust_mask=True)
    assert np.abs(answer.array("alpha") - expected.alpha).max() <= STEP
    assert answer.description["method"] == expected.description


def test_auto_that_finds_nothing(client):
    """The page then shows an empty trimap."""
    answer = client.auto(np.full((40, 50, 3), 0.5, np.float32), outputs=["alpha", "trimap", "cutout"])
    assert answer.description["found"] is False
    assert not answer.array("alpha").any()
    assert set(np.unique(np.rint(answer.array("trimap") * 255))) == {128}


def test_free_weights(client, pictures):
    """They reach the solver, and the finder, which has research weights only, is refused."""
    image, trimap = read_image(io.BytesIO(pictures.image)), read_alpha(io.BytesIO(pictures.trimap))
    answer = client.matte(pictures.image, pictures.trimap, options={"weights": "free"})
    assert np.abs(answer.array("alpha") - hybridmatte.matte(image, trimap, weights="free")).max() <= STEP
    with pytest.raises(ServiceError, match="weights is 'free', and the bundled finder has research weights only"):
        client.auto(pictures.image, outputs=["alpha"], options={"weights": "free"})


@pytest.mark.parametrize(
    ("command", "files", "outputs", "options"),
    [
        ("cutout", ("image", "trimap"), (), {"background": "#20a040", "quality": "fast"}),
        ("refine", ("image", "alpha", "trimap"), ("alpha",), {"confidence": 0.5}),
        ("refine", ("image", "alpha"), ("alpha", "cutout"), {}),
        ("trimap", ("mask",), (), {"erode": 3, "dilate": 4}),
        ("trimap", ("alpha",), (), {"from": "alpha"}),
        ("composite", ("image", "alpha"), (), {"background": "red"}),
        ("matte", ("image", "trimap"), (), {"method": "cf", "format": "tiff", "bits": 16}),
    ],
)
def test_every_command(client, pictures, command, files, outputs, options):
    answer = client.send(command, {name: getattr(pictures, name) for name in files}, outputs=outputs, options=options)
    assert all(answer.array(name).shape[:2] == (64, 80) for name in answer.files)


def test_a_background_picture(client, pictures):
    background = encoded(write_image, np.full((10, 10, 3), [0.0, 1.0, 0.0]))
    files = {"image": pictures.image, "alpha": pictures.alpha, "background": background}
    answer = client.send("composite", files, options={"fit": "stretch"})
    assert np.allclose(answer.array("composite")[0, 0], [0, 1, 0], atol=STEP)


def test_decode_makes_any_picture_one_for_browsers(client):
    deep = np.random.default_rng(0).integers(0, 65536, (6, 9, 3), dtype=np.uint16)
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray((deep >> 8).astype(np.uint8)).save(file, "TIFF", exif=exif)
    answer = client.send("decode", {"image": file.getvalue()})
    assert answer.array("image").shape == (9, 6, 3)
    answer = client.send("decode", {"image": (deep[:, :, 0] >> 8).astype(np.uint8)}, options={"bits": 16})
    assert answer.description["is_grey"]
    assert np.abs(answer.array("image")[:, :, 2] - (deep[:, :, 0] >> 8) / 255).max() < 1e-6
    answer = client.send("decode", {"image": deep})
    assert Image.open(io.BytesIO(answer.files["image"])).mode == "RGB"
    assert answer.description["bits"] == 16
    assert np.abs(answer.array("image") - deep / 65535).max() <= STEP


def test_colour_profile_and_resolution_stay(client, pictures):
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = encoded(write_image, pictures.scene.image, profile=profile, resolution=(300, 300))
    cut = Image.open(io.BytesIO(client.send("cutout", {"image": image, "trimap": pictures.trimap}).files["cutout"]))
    assert cut.info["icc_profile"] == profile
    assert round(cut.info["dpi"][0]) == 300


@pytest.mark.parametrize(
    ("command", "changed", "status", "said"),
    [
        pytest.param("matte", {"trimap": np.ones((64, 80))}, None, "no unknown pixel", id="all known: a warning"),
        pytest.param("matte", {"trimap": np.full((64, 80), 0.5)}, 422, "trimap", id="all unknown"),
        pytest.param("matte", {"trimap": np.zeros((8, 8))}, 422, "trimap has shape", id="another size"),
        pytest.param("auto", {"mask": np.zeros((64, 80))}, 422, "mask", id="empty mask"),
        pytest.param("auto", {"image": b"%PDF-1.7 ..."}, 415, "image of the request is a PDF document", id="PDF"),
        pytest.param("auto", {"image": b"<svg onload='x'>"}, 415, "is an SVG drawing", id="SVG"),
        pytest.param("auto", {"image": b"\0" * 100}, 415, "is of another kind", id="zeros"),
        pytest.param("auto", {"image": b"\x89PNG\r\n\x1a\n"}, 422, "is damaged or truncated", id="half a header"),
        pytest.param("auto", {"mask": b"\x93NUMPY\1\0"}, 422, "is damaged or truncated", id="half an array"),
    ],
)
def test_the_library_says_what_is_wrong(client, pictures, command, changed, status, said):
    files = {"image": pictures.image, **({"trimap": pictures.trimap} if command == "matte" else {}), **changed}
    files = {name: encoded(write_alpha, file) if isinstance(file, np.ndarray) else file for name, file in files.items()}
    if status is None:
        assert any(said in warning for warning in client.send(command, files).description["warnings"])
        return
    with pytest.raises(ServiceError, match=said) as caught:
        client.send(command, files)
    assert caught.value.status == status
    assert caught.value.field in files


def test_options_of_the_library(client, pictures):
    for options, said in (
        ({"quality": "good"}, "quality is 'good', expected 'best' or 'fast'"),
        ({"method": "magic"}, "method is 'magic', expected"),
        ({"method": "cf", "quality": "fast"}, "quality is 'fast' and method is 'cf', expected one of the two"),
        ({"invert": True}, "invert is True, expected none without a mask"),
        ({"point": ["1,2"]}, "^point is .*, expected none: segmenter bundled takes no points"),
        ({"background": "/etc"}, "background /etc is no colour and no file"),
        ({"background": "."}, "background . is no colour and no file"),
        ({"fit": "cover"}, "fit is cover, expected none without a picture"),
    ):
        with pytest.raises(ServiceError, match=said) as caught:
            client.auto(pictures.image, options=options)
        assert caught.value.status == 422
    with pytest.raises(ServiceError, match="output is confidence, expected another with quality fast"):
        client.matte(pictures.image, pictures.trimap, outputs=["confidence"], options={"quality": "fast"})


def png_of_size(width, height):
    """Return the header of a PNG that promises many pixels, and few bytes of them."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 99999)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("part", ["image", "trimap"])
def test_bombs_are_refused_by_their_headers(client, pictures, part):
    """100,000 x 100,000 pixels in some hundred bytes."""
    files = {"image": pictures.image, "trimap": pictures.trimap, part: png_of_size(100_000, 100_000)}
    with pytest.raises(ServiceError, match="100000 x 100000 = 10000000000 pixels, expected at most") as caught:
        client.matte(files["image"], files["trimap"])
    assert (caught.value.status, caught.value.field) == (413, part)


def test_damaged_arrays_do_not_run_code(client, pictures):
    """A NumPy file may hold pickled objects, which run code when they are read."""
    file = io.BytesIO()
    np.save(file, np.array([print], dtype=object), allow_pickle=True)
    with pytest.raises(ServiceError, match="array of object, expected numbers") as caught:
        client.auto(pictures.image, file.getvalue())
    assert caught.value.status == 422


@pytest.mark.slow
def test_mutants_are_a_result_or_one_sentence(service, client, pictures):
    """Pictures with changed bytes, cut off, or with pieces that stand twice."""
    rng, statuses = np.random.default_rng(4), set()
    for file in [
        pictures.image,
        encoded_as("JPEG", pictures),
        encoded_as("TIFF", pictures),
        encoded_as("GIF", pictures),
    ]:
        for _ in range(6):
            try:
                client.send("decode", {"image": bytes(mutant(file, rng))})
                statuses.add(200)
            except ServiceError as error:
                statuses.add(error.status)
    assert statuses <= {200, 413, 415, 422}
    assert health(service)["status"] == "ready"


def encoded_as(kind, pictures):
    file = io.BytesIO()
    Image.open(io.BytesIO(pictures.image)).save(file, kind)
    return file.getvalue()


def test_a_connection_serves_many_requests(service, pictures):
    """A refusal in the middle of a body does not spoil the next request."""
    parts = urlsplit(service.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    statuses = []
    for body in (b"no picture", pictures.image, b""):
        connection.request("POST", "/v1/decode", body)
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()
    assert statuses == [415, 200, 400]


def test_methods_and_health(client):
    listed = client.methods()
    assert [one["name"] for one in listed["qualities"]] == ["best", "fast"]
    assert [one["name"] for one in listed["methods"]] == list(hybridmatte.METHODS)
    bundled = {"name": "bundled", "is_available": True, "takes_box": False, "takes_points": False, "note": ""}
    assert listed["segmenters"] == [bundled]
    assert client.health()["status"] == "ready"


def test_errors_of_the_client_itself(service):
    with pytest.raises(ValueError, match="scheme of url is 'ftp', expected 'http' or 'https'"):
        Client("ftp://127.0.0.1")
    with pytest.raises(ValueError, match="expected one such as"):
        Client("http://")
    with pytest.raises(ServiceError, match="there is no path") as caught:
        Client(service.url).send("other", {})
    assert caught.value.status == 404


def test_answers_are_saved_and_read(client, pictures, tmp_path):
    answer = client.matte(pictures.image, pictures.trimap)
    answer.save("alpha", tmp_path / "alpha.png")
    assert np.array_equal(read_alpha(tmp_path / "alpha.png"), answer.array("alpha"))
    (tmp_path / "cat.png").write_bytes(pictures.image)
    again = client.matte(tmp_path / "cat.png", pictures.scene.trimap)
    assert np.array_equal(again.array("alpha"), answer.array("alpha"))
    with pytest.raises(ValueError, match="output is 'cutout', expected 'alpha'"):
        answer.array("cutout")
    assert json.dumps(answer.description)


def test_errors_that_are_no_sentences_of_the_library_are_faults(pictures, monkeypatch):
    """The client sees no text of a bug; the log of the service has its traceback."""
    from hybridmatte.server import tasks, worker
    from hybridmatte.server.work import Failed, Style, Upload, Work

    def fail(_request):
        raise ValueError("max() arg is an empty sequence")

    monkeypatch.setitem(tasks.COMMANDS, "decode", fail)
    work = Work("decode", {"image": Upload("cat.png", pictures.image)}, {}, ("image",), Style(), 10_000)
    answer = worker._answer(work)
    assert isinstance(answer, Failed)
    assert "max() arg" in answer.trace


def test_work_that_needs_more_memory_than_is_free_is_refused(pictures, monkeypatch):
    """Before the solve, and in one sentence: the system would else end some process."""
    from hybridmatte.batch import budget
    from hybridmatte.server import worker
    from hybridmatte.server.work import Style, Upload, Work

    monkeypatch.setattr(budget, "free_memory", lambda: 1000)
    files = {"image": Upload("cat.png", pictures.image), "trimap": Upload("t.png", pictures.trimap)}
    options = {"method": None, "quality": None, "drop_gps": False}
    refusal = worker._answer(Work("matte", files, options, ("alpha",), Style(), 10_000, at_once=2))
    assert (refusal.status, refusal.field) == (503, "image")
    assert "image cat.png needs at least" in refusal.message
    assert "--" not in refusal.message


def test_client_sends_and_takes_what_numpy_gives(client, pictures):
    """Small values of a float array arrive, one output may be a word, and numbers of arrays are options."""
    alpha = np.full((64, 80), 0.0019, np.float32)
    image = np.ones((64, 80, 3), np.float32)
    answer = client.send(
        "composite", {"image": image, "alpha": alpha}, outputs="composite", options={"bits": np.int64(16)}
    )
    assert list(answer.files) == ["composite"]
    assert client.matte(pictures.image, pictures.trimap, outputs="alpha").array("alpha").shape == (64, 80)


def test_floats_are_sent_with_16_bits():
    """8 bits would turn an alpha of 0.0019 into 0."""
    from hybridmatte.server.client import _file_bytes

    _, data = _file_bytes(np.full((4, 5), 0.0019, np.float32))
    assert np.abs(read_alpha(io.BytesIO(data)) - 0.0019).max() < 1e-5
