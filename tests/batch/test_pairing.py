import pytest

from hybridmatte.batch.pairing import Job, pair_by_stem, pictures_in


def folders(tmp_path, images, trimaps):
    for folder, names in (("images", images), ("trimaps", trimaps)):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / name).touch()
    return tmp_path / "images", tmp_path / "trimaps"


def test_pairs_are_found_by_stem(tmp_path):
    images, trimaps = folders(
        tmp_path, ["b.jpg", "a.PNG", "c.tif", "notes.txt", ".hidden.png"], ["a.png", "b.png", "z.png"]
    )
    jobs, problems = pair_by_stem(images, trimaps, tmp_path / "out")
    assert jobs == [
        Job(images / "a.PNG", trimaps / "a.png", tmp_path / "out/a.png"),
        Job(images / "b.jpg", trimaps / "b.png", tmp_path / "out/b.png"),
    ]
    assert problems == [f"image {images / 'c.tif'} has no trimap in {trimaps}, expected c.png"]


def test_images_alone(tmp_path):
    images, _ = folders(tmp_path, ["b.jpg", "a.png", "a.tif"], [])
    jobs, problems = pair_by_stem(images, None, tmp_path / "out", "mask")
    assert jobs == [Job(images / "b.jpg", None, tmp_path / "out/b.png")]
    assert problems == ["image has both a.png and a.tif, expected one a stem"]


def test_stems_that_occur_twice_are_reported(tmp_path):
    images, trimaps = folders(tmp_path, ["a.jpg", "a.png", "b.png", "c.png"], ["a.png", "b.png", "b.tif", "c.png"])
    jobs, problems = pair_by_stem(images, trimaps, tmp_path)
    assert [job.image.name for job in jobs] == ["c.png"]
    assert problems == [
        "image has both a.jpg and a.png, expected one a stem",
        "trimap has both b.png and b.tif, expected one a stem",
    ]


def test_folders_must_be_folders(tmp_path):
    images, trimaps = folders(tmp_path, [], ["a.png"])
    with pytest.raises(ValueError, match="holds no picture"):
        pair_by_stem(images, trimaps, tmp_path)
    with pytest.raises(FileNotFoundError, match="image .*missing does not exist"):
        pair_by_stem(tmp_path / "missing", trimaps, tmp_path)
    with pytest.raises(NotADirectoryError, match="trimap .* is a file"):
        pictures_in(trimaps / "a.png", "trimap")
