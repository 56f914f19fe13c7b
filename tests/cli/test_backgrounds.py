"""``--background`` and ``--fit`` of cutout, auto and composite: colours, pictures of any size, transparency."""

import numpy as np
import pytest
from PIL import ImageCms

from hybridmatte import composite, decontaminate, matte_from_mask
from hybridmatte.io.pictures import read_alpha, read_image, read_profile, write_image
from hybridmatte.io.profiles import convert_colours

COMMANDS = [
    pytest.param("cutout @image.png @trimap.png", id="cutout"),
    pytest.param("auto @image.png --mask @alpha.png -m plain", id="auto"),
    pytest.param("composite @image.png @alpha.png", id="composite"),
]
EIGHT_BITS = 1.5 / 255


@pytest.fixture
def cut(files, request):
    """Return the cut-out that the command of the test makes, before it is put over a background."""
    image = read_image(files / "image.png")
    command = request.node.callspec.params["command"]
    if command.startswith("auto"):
        return decontaminate(image, matte_from_mask(image, read_alpha(files / "alpha.png"), method="plain").alpha)
    return decontaminate(image, read_alpha(files / ("trimap.png" if command.startswith("cutout") else "alpha.png")))


@pytest.mark.usefixtures("fake_alpha")
@pytest.mark.parametrize("command", COMMANDS)
class TestBackgrounds:
    @pytest.mark.parametrize(
        ("name", "colour"), [("#20a040", (32, 160, 64)), ("red", (255, 0, 0)), ("rgb(1,2,3)", (1, 2, 3))]
    )
    def test_a_colour(self, run, files, cut, command, name, colour):
        """The colours are those of the foreground alone, without the old background."""
        assert run(f"{command} -o @out.png --background {name}").code == 0
        expected = composite(cut[..., :3], cut[..., 3], np.array(colour) / 255)
        assert np.abs(read_image(files / "out.png") - expected).max() < EIGHT_BITS

    @pytest.mark.parametrize("fit", [None, "cover", "contain", "stretch"])
    @pytest.mark.parametrize("shape", [(29, 37), (50, 20), (11, 80)], ids=str)
    def test_a_picture_of_any_size(self, run, files, cut, command, fit, shape):
        """`composite` refused a background of another size than the photograph's."""
        behind = np.random.default_rng(3).random((*shape, 3), dtype=np.float32)
        write_image(files / "behind.png", behind)
        option = "" if fit is None else f" --fit {fit}"
        assert run(f"{command} -o @out.jpg -b @behind.png{option}").code == 0
        assert run(f"{command} -o @out.png -b @behind.png{option}").code == 0
        expected = composite(cut[..., :3], cut[..., 3], read_image(files / "behind.png"), fit=fit or "cover")
        assert np.abs(read_image(files / "out.png") - expected).max() < EIGHT_BITS

    def test_transparent(self, run, files, cut, command):
        assert run(f"{command} -o @out.png --background transparent").code == 0
        assert np.abs(read_alpha(files / "out.png") - cut[..., 3]).max() < EIGHT_BITS
        assert np.abs(read_image(files / "out.png") - cut[..., :3]).max() < EIGHT_BITS

    def test_the_background_takes_the_profile_of_the_photograph(self, run, files, command, cut):
        wide = _wide_profile()
        write_image(files / "image.png", read_image(files / "image.png"), profile=wide)
        assert run(f"{command} -o @out.png -b #20a040 --force").code == 0
        behind = convert_colours(np.float32([32, 160, 64]) / 255, None, wide, "test")
        out, is_behind = read_image(files / "out.png"), cut[..., 3] == 0
        assert read_profile(files / "out.png") == wide
        assert np.abs(out[is_behind] - behind).max() < EIGHT_BITS


@pytest.mark.usefixtures("fake_alpha", "folders")
class TestManyImages:
    def test_one_background_for_all(self, run, files):
        write_image(files / "behind.png", np.full((5, 9, 3), 0.2))
        result = run("cutout @images @trimaps -o @out -b @behind.png")
        assert result.err.splitlines()[-1] == "3 written, 0 already there, 2 failed"
        for name in "abc":
            assert np.abs(read_image(files / f"out/{name}.png")[0, 0] - 0.2).max() < EIGHT_BITS

    @pytest.mark.parametrize("behind", ["@behind", "@behind/{stem}.png", "@behind/*.png"])
    def test_a_background_for_each(self, run, files, behind):
        (files / "behind").mkdir()
        for name, grey in (("a", 0.2), ("b", 0.6)):
            write_image(files / f"behind/{name}.png", np.full((5, 9, 3), grey))
        result = run(f"cutout @images @trimaps -o @out -b {behind}")
        assert "c.jpg has no background" in result.err
        for name, grey in (("a", 0.2), ("b", 0.6)):
            assert np.abs(read_image(files / f"out/{name}.png")[0, 0] - grey).max() < EIGHT_BITS


def _wide_profile():
    """Return sRGB's profile with a red primary that is a third stronger."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    (count,) = np.frombuffer(profile, ">u4", 1, 128)
    for place in range(132, 132 + 12 * int(count), 12):
        if profile[place : place + 4] == b"rXYZ":
            (start,) = np.frombuffer(profile, ">u4", 1, place + 4)
            value = np.frombuffer(profile, ">i4", 1, int(start) + 8)[0]
            profile[int(start) + 8 : int(start) + 12] = np.array(value * 4 // 3, ">i4").tobytes()
    return bytes(profile)
