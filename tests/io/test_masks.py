"""Masks as tools write them: labels, palettes, arrays, square outputs; the reader, the function and the command."""

import io

import numpy as np
import pytest
from PIL import Image

from hybridmatte import matte_from_mask, read_mask, write_image
from hybridmatte.automatic.from_mask import fit_mask
from hybridmatte.batch.pairing import Job
from hybridmatte.batch.work import FileOptions, automatic_file
from hybridmatte.cli import main
from hybridmatte.io.masks import check_mask_size, mask_of_array
from hybridmatte.io.pictures import read_alpha
from tests.synthetic import soft_disk

SHAPE = (30, 40)
OBJECT = np.zeros(SHAPE, bool)
OBJECT[8:22, 10:30] = True
TWO = np.zeros(SHAPE, np.uint8)
TWO[5:15, 5:15], TWO[18:28, 20:35] = 1, 2
VOC = np.zeros((256, 3), np.uint8)  # the first colours of PASCAL VOC's palette
VOC[[1, 2, 15, 255]] = [128, 0, 0], [0, 128, 0], [192, 128, 128], [224, 224, 192]


def palette_picture(indices, palette=VOC):
    picture = Image.frombytes("P", indices.shape[::-1], np.uint8(indices).tobytes())
    picture.putpalette(palette.tobytes())
    return picture


def saved(picture, kind):
    file = io.BytesIO()
    picture.save(file, kind)
    return file


def array_file(array):
    file = io.BytesIO()
    np.save(file, array)
    return file


ONE_OBJECT = {
    "bool": OBJECT,
    "0 and 1": np.uint8(OBJECT),
    "0 and 255": np.uint8(OBJECT) * 255,
    "0 and 15": np.uint8(OBJECT) * 15,
    "16 bits": np.uint16(OBJECT),
    "int64": np.int64(OBJECT),
    "int32 of white": np.int32(OBJECT) * 255,
    "float of 255": np.float32(OBJECT) * 255,
    "float64": np.float64(OBJECT),
    "float16": np.float16(OBJECT),
    "one channel": np.uint8(OBJECT)[:, :, None],
    "network output": np.float32(OBJECT)[None, None],
}


@pytest.mark.parametrize("mask", ONE_OBJECT.values(), ids=ONE_OBJECT)
def test_one_object_in_every_form(mask):
    """A mask of 0 and 1 was refused as labels; one of integers was refused by its dtype."""
    assert (mask_of_array(mask) == OBJECT).all()
    assert (read_mask(array_file(mask)) == OBJECT).all()
    assert (fit_mask(mask, SHAPE) == OBJECT).all()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF"])
@pytest.mark.parametrize("form", ["grey 1", "grey 255", "two tones", "palette", "grey palette", "inverse palette"])
def test_pictures_of_one_object(kind, form):
    picture = {
        "grey 1": Image.fromarray(np.uint8(OBJECT)),
        "grey 255": Image.fromarray(np.uint8(OBJECT) * 255),
        "two tones": Image.fromarray(OBJECT),
        "palette": palette_picture(OBJECT * 1),
        "grey palette": palette_picture(OBJECT * 1, np.uint8([[0] * 3, [255] * 3])),
        "inverse palette": palette_picture(~OBJECT * 1, np.uint8([[255] * 3, [0] * 3])),
    }[form]
    assert (read_mask(saved(picture, kind)) == OBJECT).all()


@pytest.mark.parametrize("indices", [OBJECT * 15, np.where(OBJECT, 15, 0) + 255 * (TWO == 1) * ~OBJECT])
def test_palette_indices_are_labels(indices):
    """The colours of a VOC mask were refused as colours. Its index 255 belongs to no label."""
    assert (read_mask(saved(palette_picture(indices), "PNG")) == (indices == 15)).all()
    assert (read_mask(saved(palette_picture(indices), "PNG"), label=15) == (indices == 15)).all()
    assert (mask_of_array(palette_picture(indices)) == (indices == 15)).all()


def test_palette_whose_background_is_not_index_0():
    swapped = palette_picture(~OBJECT * 1, np.uint8([[200, 0, 0], [0, 0, 0]]))
    with pytest.raises(ValueError, match=r"mask <stream> has a palette whose black is not index 0, .* --label 1"):
        read_mask(saved(swapped, "PNG"))
    assert (read_mask(saved(swapped, "PNG"), label=0) == OBJECT).all()


@pytest.mark.parametrize(
    "labels",
    [TWO, TWO * 7, np.uint16(TWO), np.int64(TWO) * 1000, np.float32(TWO), np.where(TWO == 2, 255, TWO)],
    ids=["uint8", "to 14", "uint16", "int64", "float", "void"],
)
def test_several_labels_need_a_choice(labels):
    values = [int(value) for value in np.unique(labels)]
    has_void = values[-1] == 255
    listed = ", ".join(map(str, values[1:-1] if has_void else values[1:]))
    left_out = r" \(255 is left out: it belongs to no object\), expected it" if has_void else ", expected one of them"
    for read in (
        lambda **options: mask_of_array(labels, **options),
        lambda **options: read_mask(array_file(labels), **options),
    ):
        with pytest.raises(
            ValueError, match=rf"mask.* has the labels? {listed}{left_out} as the object: --label {values[1]} "
        ):
            read(label=None)
        assert (read(label=values[2]) == (TWO == 2)).all()
        for wrong in (99, -1):
            with pytest.raises(ValueError, match=rf"label is {wrong}, expected one of {listed}, which mask.* has"):
                read(label=wrong)
        with pytest.raises(ValueError, match=rf"label is 0, the background, expected one of {listed}, which mask"):
            read(label=0)  # it was offered as an object, and cut the background out


def test_a_label_beside_255_says_why_it_asks():
    """The same numbers need no choice with a palette, and nothing told why a grey picture or an array asks for one."""
    labels = np.where(TWO == 2, 255, TWO).astype(np.uint8)
    palette = read_mask(saved(palette_picture(labels), "PNG"))
    message = (
        r"\(255 is left out: it belongs to no object\), expected it as the object: --label 1 .*; without a palette, "
    )
    message += r"255 may also be the white object of a grey mask \(--label 255\), and only in a palette picture is it"
    for source in (saved(Image.fromarray(labels), "PNG"), array_file(labels), array_file(np.float32(labels))):
        with pytest.raises(ValueError, match=message):
            read_mask(source)
        assert (read_mask(source, label=1) == palette).all()
        assert (read_mask(source, label=255) == (TWO == 2)).all()
    with pytest.raises(ValueError, match=r"\(in Python label=1\)$"):
        mask_of_array(np.where(TWO == 2, 255, TWO + 3 * (np.arange(SHAPE[1]) == 0)))


def test_many_labels_are_listed_up_to_twenty():
    labels = np.arange(1200, dtype=np.int32).reshape(SHAPE)
    with pytest.raises(ValueError, match="has the labels 1, 2, .*, 20 and 1179 more, expected one of them"):
        mask_of_array(labels)


def disk(peak):
    """Return a disk of a peak with a soft edge, (90, 120) uint8."""
    y, x = np.mgrid[:90, :120]
    return np.rint(peak * (30 - np.hypot(y - 45, x - 60)).clip(0, 16) / 16).astype(np.uint8)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float64])
@pytest.mark.parametrize("pixels", [disk(127), disk(120)[::2, ::2], disk(60)])
def test_a_faint_soft_mask_is_no_label_map(pixels, dtype):
    """A soft mask up to 127 was refused with the advice --label 1, which gave two specks."""
    message = (
        rf"is grey with \d+ levels up to {pixels.max()} of 255, a faint soft mask\? expected it scaled so that the"
    )
    file = array_file(pixels.astype(dtype)) if dtype != np.uint8 else saved(Image.fromarray(pixels), "PNG")
    with pytest.raises(ValueError, match=message) as refused:
        read_mask(file)
    assert "label 1" not in str(refused.value)
    assert (mask_of_array(pixels.astype(dtype), 60) == (pixels == 60)).all()


def test_a_faint_soft_mask_of_16_bits():
    with pytest.raises(ValueError, match="levels up to 25400 of 65535, a faint soft mask"):
        mask_of_array(disk(127).astype(np.uint16) * 200)


@pytest.mark.parametrize("n", [20, 21, 60, 120])
def test_regions_of_many_labels_stay_labels(n):
    """The objects of an instance map fill regions of one value."""
    labels = np.zeros((9 * n, 9), np.uint8)
    for k in range(n):
        labels[9 * k + 1 : 9 * k + 8, 1:8] = k + 1
    with pytest.raises(ValueError, match="has the labels 1, 2, 3, .*: --label 1 "):
        mask_of_array(labels.reshape(n, 9, 9).transpose(1, 0, 2).reshape(9, 9 * n))


VOC = np.where(TWO == 2, 255, TWO + 14 * (TWO == 1) + 7 * (np.arange(SHAPE[1]) == 0))


@pytest.mark.parametrize("read", [lambda file: read_mask(file), lambda file: mask_of_array(Image.open(file))])
def test_void_is_not_offered_as_an_object(read):
    """The message on a VOC mask of two objects offered 255, the outline between them, and 0, the background."""
    file = saved(palette_picture(VOC), "PNG")
    listed = ", ".join(str(value) for value in np.unique(VOC) if value not in (0, 255))
    message = rf"has the labels {listed} \(255 is left out: it belongs to no object\), expected one of them"
    with pytest.raises(ValueError, match=message):
        read(file)


def test_255_beside_larger_labels_is_one():
    with pytest.raises(ValueError, match="has the labels 1, 255, 300, expected"):
        mask_of_array(np.int32([[0, 1, 255, 300]]))


@pytest.mark.parametrize("label", [0, 3])
def test_the_background_of_a_palette_is_refused(label):
    with pytest.raises(ValueError, match=f"label is {label}.*, expected one of 15, which mask"):
        read_mask(saved(palette_picture(OBJECT * 15), "PNG"), label=label)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.uint16, np.uint32, np.float32, np.float64])
def test_grey_that_was_not_cast_to_8_bits(dtype):
    """The message listed 255 labels of a soft mask that was saved as int64."""
    grey = np.rint(np.linspace(0, 255, SHAPE[1] * SHAPE[0]).reshape(SHAPE)).astype(dtype)
    with pytest.raises(ValueError, match="has 256 values from 0 to 255 and looks like a grey mask, .* saved as uint8"):
        read_mask(array_file(grey))
    assert (mask_of_array(grey, 7) == (grey == 7)).all()
    assert mask_of_array(grey.astype(np.uint8)).max() == 1
    for label, came in ((300, "300"), (0, "0, the background")):
        with pytest.raises(ValueError, match=f"label is {came}, expected none: mask has 256 values and looks grey"):
            mask_of_array(grey.astype(np.uint8), label)


def test_negative_numbers_are_no_labels():
    """-1, which tools write for pixels without a label, was offered as an object, and taken alone."""
    with pytest.raises(ValueError, match="has the labels 1, 2, expected one of them as the object: --label 1 "):
        mask_of_array(TWO - 3 * (TWO == 0))
    assert (mask_of_array(np.where(OBJECT, 4, -1)) == OBJECT).all()
    with pytest.raises(ValueError, match="has the values -1, 0, expected labels above 0"):
        mask_of_array(np.where(OBJECT, -1, 0))
    with pytest.raises(ValueError, match="label is -1, expected one of 4, which mask has"):
        mask_of_array(np.where(OBJECT, 4, -1), -1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_soft_masks_stay_soft(dtype):
    soft = (np.linspace(0, 1, SHAPE[1]) * np.ones(SHAPE)).astype(np.float32)
    stored = np.rint(soft * np.iinfo(dtype).max).astype(dtype)
    assert np.abs(mask_of_array(stored) - soft).max() < 0.003
    assert (mask_of_array(np.uint8([[0, 128, 255]])) == np.float32([[0, 128 / 255, 1]])).all()
    with pytest.raises(ValueError, match=r"mask is soft, .* expected labels for label 1"):
        mask_of_array(soft, 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (array_file(np.zeros((3, 30, 40))).getvalue(), r"has shape \(3, 30, 40\), expected one channel"),
        (array_file(np.zeros((0, 40))).getvalue(), "is empty, with shape"),
        (array_file(np.full(SHAPE, np.nan)).getvalue(), "has 1200 NaN or infinite values"),
        (array_file(np.full(SHAPE, -3.5)).getvalue(), "has floating-point values .* expected the range"),
        (array_file(np.array([[None]])).getvalue(), "is an array of object, expected numbers or bool"),
        (array_file(np.zeros(SHAPE)).getvalue()[:300], "is damaged or truncated"),
        (b"\x93NUMPY\x01\x00", "is damaged or truncated"),
        (
            array_file(np.zeros((20000, 20000), bool)[:1, :1]).getvalue().replace(b"(1, 1)", b"(30000, 30000)"),
            "has 30000 x 30000 = ",
        ),
    ],
    ids=["channels", "empty", "nan", "range", "object", "cut", "header", "large"],
)
def test_bad_array_files_are_refused_in_one_sentence(tmp_path, content, message):
    path = tmp_path / "bad.npy"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"mask {path} {message}"):
        read_mask(path)


def test_colour_is_refused_as_a_mask(tmp_path):
    write_image(tmp_path / "mask.png", np.random.default_rng(0).random((6, 7, 3)))
    with pytest.raises(ValueError, match="mask .*mask.png has colour"):
        read_mask(tmp_path / "mask.png")


class TestSquare:
    """IS-Net and its like see the photograph stretched to a square, and give a square."""

    def test_function(self):
        square = np.zeros((64, 64), np.float32)
        square[16:48, 16:48] = 1
        assert abs(fit_mask(square, SHAPE, square=True).mean() - 0.25) < 0.01
        with pytest.raises(ValueError, match="same aspect ratio; .*needs --mask-square .in Python square=True"):
            fit_mask(square, SHAPE)
        with pytest.raises(ValueError, match="mask is 64 x 32, expected a square with --mask-square"):
            fit_mask(square[:32], SHAPE, square=True)
        with pytest.raises(ValueError, match="expected the same aspect ratio$"):
            fit_mask(square[:32], SHAPE)

    def test_sizes_are_compared_by_headers(self):
        image, array = saved(Image.new("RGB", (40, 30)), "PNG"), array_file(np.zeros((15, 20)))
        check_mask_size(image, array)
        check_mask_size(image, array_file(np.zeros((7, 7))), square=True)
        with pytest.raises(ValueError, match="mask is 7 x 7 but image is 40 x 30, .*--mask-square"):
            check_mask_size(image, array_file(np.zeros((7, 7))))
        with pytest.raises(ValueError, match="expected at most 100"):
            check_mask_size(saved(Image.new("RGB", (4, 3)), "PNG"), array, max_pixels=100)


class TestCommand:
    SCENE = soft_disk((45, 60), seed=1)

    @pytest.fixture
    def run(self, tmp_path, capsys):
        write_image(tmp_path / "image.png", self.SCENE.image)

        def command(text):
            with pytest.raises(SystemExit) as leave:
                main([word.replace("@", f"{tmp_path}/") for word in text.split()])
            return leave.value.code or 0, " ".join(capsys.readouterr().err.split())

        return command

    @pytest.mark.parametrize("form", ["labels.npy", "palette.png", "square.npy", "one.bmp", "one.gif"])
    def test_masks_of_tools(self, run, tmp_path, form):
        inside = self.SCENE.alpha > 0.5
        labels = inside * 2
        labels[0, 0] = 1
        options = "--label 2"
        if form == "labels.npy":
            np.save(tmp_path / form, labels)
        elif form == "palette.png":
            palette_picture(labels).save(tmp_path / form)
        elif form == "square.npy":
            picture = Image.fromarray(np.uint8(inside * 255)).resize((128, 128))
            np.save(tmp_path / form, np.float16(np.asarray(picture) / 255))
            options = "--mask-square"
        else:
            Image.fromarray(np.uint8(inside)).save(tmp_path / form)
            options = ""
        code, err = run(f"auto @image.png --mask @{form} --matte -o @alpha.png --erode 4 --dilate 4 {options}")
        assert code == 0, err
        assert np.abs(read_alpha(tmp_path / "alpha.png") - self.SCENE.alpha).mean() < 0.03

    def test_folder_of_arrays(self, run, tmp_path):
        """Files ending in .npy were not taken, as they are not named like a picture."""
        for folder in ("images", "masks"):
            (tmp_path / folder).mkdir()
        write_image(tmp_path / "images" / "a.png", self.SCENE.image)
        np.save(tmp_path / "masks" / "a.npy", np.int32(self.SCENE.alpha > 0.5))
        code, err = run("auto @images --mask @masks --matte -o @out --erode 4 --dilate 4")
        assert code == 0, err
        assert "1 written" in err
        assert "not taken" not in err

    def test_mistakes_name_the_option_and_the_mask(self, run, tmp_path):
        np.save(tmp_path / "two.npy", np.repeat([[0, 3, 9, 9]], 3, axis=0))
        np.save(tmp_path / "square.npy", np.eye(8))
        for command, message in (
            ("--mask @two.npy", "has the labels 3, 9, expected one of them as the object: --label 3"),
            ("--mask @two.npy --label 5", "label is 5, expected one of 3, 9, which mask"),
            ("--mask @square.npy", "needs --mask-square"),
            ("--mask @two.npy --mask-square", "mask is 4 x 3, expected a square with --mask-square"),
            ("--label 5", "--label is 5, expected none without --mask"),
            ("--mask-square", "--mask-square is given, expected none without --mask"),
        ):
            code, err = run(f"auto @image.png -o @out.png {command}")
            assert code == 2
            assert message in err
            assert "trimap " not in err.partition("error:")[2]
            assert "plane" not in err.partition("error:")[2]


def test_matte_from_mask_takes_label_and_square():
    scene = soft_disk((45, 60), seed=1)
    labels = np.asarray(Image.fromarray(np.uint8(scene.alpha > 0.5) * 3).resize((64, 64), Image.Resampling.NEAREST))
    labels = labels.copy()
    labels[0, 0] = 1
    alpha = matte_from_mask(scene.image, labels, erode=4, dilate=4, label=3, square=True).alpha
    assert np.abs(alpha - scene.alpha).mean() < 0.03


def test_turned_photograph_with_an_array(tmp_path):
    """An array has no EXIF block: it must fit the upright photograph."""
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", exif=exif)
    np.save(tmp_path / "a.npy", OBJECT.T)
    job, seen = Job(tmp_path / "a.jpg", tmp_path / "a.npy", tmp_path / "out.png"), []

    def estimate(image, mask):
        seen.append((image.shape[:2], mask.shape))
        raise InterruptedError

    with pytest.raises(InterruptedError):
        automatic_file(job, estimate=estimate, files=FileOptions())
    assert seen == [((40, 30), (40, 30))]
