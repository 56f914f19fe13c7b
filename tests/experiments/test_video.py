"""The experiment on clips: scenes with true alpha, rows, resumption, counted iterations and the page."""

import numpy as np
import pytest

from experiments.results import make_row, merge_results
from experiments.video import AVERAGED, CONTROL, EXPERIMENT, FAST, PEER, SEQUENCE, Options
from experiments.video.methods import averaged, counted
from experiments.video.real import changes
from experiments.video.report import report
from experiments.video.run import errors_of, recorded, run, size_of
from experiments.video.scenes import CLEAR, Clip, key_frames, moving_scene
from hybridmatte import solve_cf, write_alpha, write_image
from tests.experiments.rows import METADATA
from tests.synthetic import soft_disk

SIZE, COUNT = (48, 64), 4


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return a data folder with three photographs and an object with true alpha."""
    folder = tmp_path_factory.mktemp("data")
    generator = np.random.default_rng(0)
    (folder / "photos" / "test").mkdir(parents=True)
    for k in range(3):
        picture = np.kron(generator.random((12, 16, 3)), np.ones((8, 8, 1)))
        write_image(folder / "photos" / "test" / f"{k}.jpg", picture.astype(np.float32))
    disk = soft_disk((96, 128))
    for kind in ("image", "alpha", "trimap1", "trimap2"):
        (folder / "alphamatting" / kind).mkdir(parents=True)
    (folder / "alphamatting_more" / "image").mkdir(parents=True)
    write_image(folder / "alphamatting" / "image" / "GT00.png", disk.image.astype(np.float32))
    for kind, plane in (("alpha", disk.alpha), ("trimap1", disk.trimap), ("trimap2", disk.trimap)):
        write_alpha(folder / "alphamatting" / kind / "GT00.png", plane)
    return folder


@pytest.fixture(scope="module")
def clip(data):
    return moving_scene("GT00", 3, COUNT, SIZE, data=data)


class TestScenes:
    def test_form(self, clip):
        """Frames, alphas and trimaps are of one length, size and documented type."""
        frames, alphas, trimaps = clip
        assert [len(planes) for planes in clip] == [COUNT] * 3
        for frame, alpha, trimap in zip(frames, alphas, trimaps, strict=True):
            assert (frame.shape, frame.dtype) == ((*SIZE, 3), np.uint8)
            assert (alpha.shape, alpha.dtype) == (SIZE, np.float32)
            assert (trimap.shape, trimap.dtype) == (SIZE, np.uint8)
            assert set(np.unique(trimap)) == {0, 128, 255}
            assert 0 <= alpha.min() <= alpha.max() <= 1

    def test_known_pixels_are_what_the_trimap_says(self, clip):
        for alpha, trimap in zip(clip.alphas, clip.trimaps, strict=True):
            assert alpha[trimap == 0].max() <= CLEAR
            assert alpha[trimap == 255].min() >= 1 - CLEAR

    def test_the_seed_decides(self, clip, data):
        """The same seed gives the same clip to the bit, another seed another clip."""
        again = moving_scene("GT00", 3, COUNT, SIZE, data=data)
        other = moving_scene("GT00", 4, COUNT, SIZE, data=data)
        assert all(np.array_equal(*pair) for pair in zip(clip.frames, again.frames, strict=True))
        assert all(np.array_equal(*pair) for pair in zip(clip.alphas, again.alphas, strict=True))
        assert not np.array_equal(clip.alphas[0], other.alphas[0])

    def test_a_longer_clip_begins_like_a_shorter_one(self, clip, data):
        longer = moving_scene("GT00", 3, COUNT + 2, SIZE, data=data)
        assert np.array_equal(longer.frames[COUNT - 1], clip.frames[-1])

    def test_it_moves_smoothly(self, clip):
        """Each frame differs from the one before, and alpha's change from frame to frame stays small."""
        changes = [np.abs(after - before).mean() for before, after in zip(clip.alphas, clip.alphas[1:], strict=False)]
        assert 0 < min(changes)
        assert max(changes) < 0.1

    def test_a_cut(self, data):
        """At half the clip the picture changes at once; the first half is that of the clip without a cut."""
        uncut, cut = (moving_scene("GT00", 3, 6, SIZE, data=data, cut=cut) for cut in (False, True))
        assert np.array_equal(cut.frames[2], uncut.frames[2])
        steps = [np.abs(np.float32(b) - a).mean() for a, b in zip(cut.frames, cut.frames[1:], strict=False)]
        assert steps.index(max(steps)) == 2
        assert max(steps) > 2 * sorted(steps)[-2]

    def test_drawn_hair(self, data):
        clip = moving_scene("hair-1", 0, 2, SIZE, data=data)
        assert 0.02 < ((clip.alphas[0] > CLEAR) & (clip.alphas[0] < 1 - CLEAR)).mean() < 0.8

    def test_unknown_name(self, data):
        with pytest.raises(ValueError, match="name is 'GT99', expected one of .*'GT00', 'hair-0'"):
            moving_scene("GT99", 0, 2, SIZE, data=data)


@pytest.mark.parametrize(("spacing", "expected"), [(1, [0, 1, 2, 3, 4]), (2, [0, 2, 4]), (15, [0])])
def test_key_frames(spacing, expected):
    trimaps = list(np.zeros((5, 2, 2), np.uint8))
    keys = key_frames(trimaps, spacing)
    assert list(keys) == expected
    assert keys[0] is trimaps[0]


@pytest.fixture(scope="module")
def options(data, tmp_path_factory):
    return Options(
        data=data,
        output=tmp_path_factory.mktemp("output"),
        scenes=("GT00",),
        methods=(CONTROL, AVERAGED),
        parts=("clips",),
        frames=4,
        height=48,
    )


@pytest.fixture(scope="module")
def rows(options):
    return [row for rows in run(options) for row in rows]


class TestRun:
    def test_rows(self, rows):
        """Methods that need every trimap have one spacing; costs are those of what was run."""
        assert [(row["method"], row["spacing"], row["size"]) for row in rows] == [
            (CONTROL, 1, [4, 48, 64]),
            (AVERAGED, 1, [4, 48, 64]),
        ]
        assert {"sad", "dtssd_unknown", "messddt", "iterations", "work", "cpu_s"} <= {*rows[0]["error"]}
        assert rows[0]["error"]["work"] > rows[0]["error"]["iterations"] > 0
        assert "iterations" not in rows[1]["error"]

    def test_a_stopped_run_goes_on(self, options, rows):
        """Recorded rows of the same size are not measured again, others are."""
        merge_results(options.output / "video.json", METADATA, rows[:1], EXPERIMENT.keys)
        assert recorded(options) == {(CONTROL, "GT00", 1)}
        left = [row for found in run(options) for row in found]
        assert [row["method"] for row in left] == [AVERAGED]
        assert left[0]["error"] == rows[1]["error"]

    def test_the_part_real_needs_a_clip(self, options):
        with pytest.raises(FileNotFoundError, match="clip is not given, expected a video file"):
            list(run(Options(data=options.data, output=options.output, parts=("real",))))


def test_errors_are_zero_for_the_true_alphas(clip):
    assert set(errors_of(clip.alphas, clip).values()) == {0.0}


def test_errors_that_stay_in_a_still_have_no_dtssd(clip):
    """In a still, errors that only move with the picture stay where they are."""
    still = Clip([clip.frames[0]] * 3, [clip.alphas[0]] * 3, [clip.trimaps[0]] * 3)
    errors = errors_of([1 - clip.alphas[0]] * 3, still)
    assert errors["dtssd"] == 0
    assert errors["dtssd_moved"] < 1e-3


def test_errors_over_all_pixels_count_wrong_known_ones(clip):
    """A method whose trimaps are carried may be wrong outside the true trimap's unknown region."""
    wrong = [
        np.where(trimap == 0, np.float32(1), alpha) for alpha, trimap in zip(clip.alphas, clip.trimaps, strict=True)
    ]
    errors = errors_of(wrong, clip)
    assert errors["sad"] > 100
    assert errors["sad_unknown"] == 0


def test_the_mean_of_three_frames_keeps_known_pixels():
    alphas = list(np.float32([[[0, 0.2, 1]], [[0, 0.5, 1]], [[1, 0.8, 1]]]))
    keys = dict(enumerate(np.uint8([[[0, 128, 255]]] * 3)))
    means = np.array(averaged(alphas, keys))
    assert means[:, 0, 1] == pytest.approx([0.35, 0.5, 0.65])
    assert np.array_equal(means[:, 0, [0, 2]], [[0, 1], [0, 1], [1, 1]])


def test_iterations_are_counted_and_the_solver_is_put_back():
    """What is counted is what the linear solver reports; after the block nothing is counted."""
    disk = soft_disk()
    with counted() as count:
        alpha = solve_cf(disk.image, disk.trimap)
    assert 0 < count.iterations < count.work
    before = count.iterations
    assert np.array_equal(solve_cf(disk.image, disk.trimap), alpha)
    assert count.iterations == before


def test_no_change_along_the_motion_of_a_moving_object():
    alphas = list(np.zeros((3, 6, 9), np.float32))
    for t, alpha in enumerate(alphas):
        alpha[2:4, 2 + t : 4 + t] = 1
    y, x = np.mgrid[:6, :9]
    places = np.float32(np.dstack([x - 1, y]))
    assert changes(alphas, [places] * 2) == {"change": 0}
    in_place = changes(alphas, [places + np.float32([1, 0])] * 2)
    assert in_place == {"change": 4, "still": pytest.approx(4 / 54)}


def test_page():
    """The page has a table for each kind of clip, ratios with their goals, and the frames a second."""

    def errors(factor):
        names = ("sad", "mse", "dtssd", "messddt", "iterations", "cpu_s")
        return {name: factor for name in names}

    rows = [
        make_row(CONTROL, "GT05", [60, 240, 320], errors(1.0) | {"dtssd_moved": 0.75}, spacing=1),
        make_row(PEER, "GT05", [60, 240, 320], errors(2.0), spacing=1),
        make_row(SEQUENCE, "GT05", [60, 240, 320], errors(0.5), spacing=1),
        make_row(SEQUENCE, "GT05", [60, 240, 320], errors(0.7), spacing=15),
        make_row(SEQUENCE, "GT05, cut", [60, 240, 320], errors(0.7), spacing=30),
        make_row(CONTROL, "GT05, time", [8, 480, 640], median_s=1.0, iqr_s=0.0, spacing=1, count=3),
        make_row(SEQUENCE, "GT05, time", [8, 480, 640], median_s=0.5, iqr_s=0.0, spacing=1, count=3),
        make_row(FAST, "GT05, time", [8, 480, 640], median_s=0.25, iqr_s=0.0, spacing=1, count=3),
    ]
    page = "\n".join(report({"metadata": METADATA, "results": rows}))
    assert "1 clips (GT05), each 60 frames of 320 x 240 pixels." in page
    assert "| matte_sequence: dtSSD, key frames 1 | matte, frame by frame, key frames 1 | 0.50 |" in page
    line = "| matte_sequence: SAD, key frames 15 | matte_sequence, key frames 1 | 1.40 | 1.40 (1.40 to 1.40) | 1.25 |"
    assert f"{line} missed |" in page
    assert "dtSSD x 100 would be 75.00 and not 100.00, a ratio of 0.75 (1 clips)" in page
    assert "## Clips with a cut in the middle" in page
    assert "| GT05 | 1.00 | 2.00 | 4.00 | 2.00 | 4.00 |" in page


def test_sizes():
    assert size_of(240) == (240, 320)
