"""A small file of very many pixels beside one of another size is refused before either is decoded."""

import io

import pytest
from PIL import Image

from hybridmatte.io import pictures
from hybridmatte.io.sizes import check_similar_sizes, check_sizes


def picture(width, height, kind="PNG", **options):
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, kind, **options)
    return file


@pytest.fixture(autouse=True)
def _no_decoding(monkeypatch):
    def decode(*_):
        raise AssertionError("a picture was decoded")

    monkeypatch.setattr(pictures, "decode", decode)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_sizes_differ(kind):
    with pytest.raises(ValueError, match=r"trimap has shape \(300, 400\) but image has shape \(30, 40\)"):
        check_sizes(picture(40, 30), picture(400, 300, kind), "trimap")
    with pytest.raises(ValueError, match="mask is 400 x 100 but image is 40 x 30, expected the same aspect ratio"):
        check_similar_sizes(picture(40, 30), picture(400, 100, kind), "mask")


def test_a_huge_file_of_another_size(tmp_path):
    (tmp_path / "huge.png").write_bytes(picture(14_000, 14_000).getvalue())
    with pytest.raises(ValueError, match=r"but image has shape \(30, 40\)"):
        check_sizes(picture(40, 30), tmp_path / "huge.png", "trimap")


def test_a_turned_file_may_still_fit():
    check_sizes(picture(40, 30), picture(30, 40), "trimap")
    check_sizes(picture(40, 30), picture(40, 30, exif=b"Exif\0\0"), "trimap")
    check_similar_sizes(picture(40, 30), picture(300, 400), "mask")


def test_the_limit_holds_for_headers():
    with pytest.raises(ValueError, match="40 x 30 = 1200 pixels, expected at most 1000"):
        check_sizes(picture(40, 30), picture(40, 30), "trimap", max_pixels=1000)


def test_sizes_are_heights_and_widths():
    assert pictures.read_size(picture(40, 30)) == (30, 40)
    with pytest.raises(ValueError, match="trimap .* is empty"):
        pictures.read_size(io.BytesIO(), "trimap")
