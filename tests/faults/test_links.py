"""Links in folders that lead to no file: each is counted and named."""

import shutil

import pytest

from hybridmatte.batch.pairing import pair_by_stem, pictures_in


def link_to_nothing(path):
    path.symlink_to("moved/picture.png")


def link_to_itself(path):
    path.symlink_to(path.name)


def links_in_a_loop(path):
    path.symlink_to("other")
    path.with_name("other").symlink_to(path.name)


LINKS = pytest.mark.parametrize("link", [link_to_nothing, link_to_itself, links_in_a_loop])


@LINKS
def test_a_picture_that_is_such_a_link_is_named(tmp_path, link):
    """User: files of a folder whose disk was not mounted were left out without a word."""
    (tmp_path / "a.png").touch()
    (tmp_path / "good.png").symlink_to("a.png")
    link(tmp_path / "b.png")
    pictures, problems = pictures_in(tmp_path, "image")
    assert sorted(pictures) == ["a", "good"]
    assert list(problems) == ["b"]
    assert problems["b"].startswith(f"image {tmp_path / 'b.png'} is a link to ")
    assert problems["b"].endswith(", which is no file, expected a picture")


@LINKS
def test_a_trimap_that_is_such_a_link_is_named(tmp_path, link):
    for folder in ("images", "trimaps"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.png").touch()
    (tmp_path / "images" / "b.png").touch()
    link(tmp_path / "trimaps" / "b.png")
    jobs, problems = pair_by_stem(tmp_path / "images", tmp_path / "trimaps", tmp_path / "out")
    assert [job.image.name for job in jobs] == ["a.png"]
    assert len(problems) == 1
    assert problems[0].startswith(f"trimap {tmp_path / 'trimaps' / 'b.png'} is a link to ")


def test_a_link_beside_a_picture_of_the_same_stem(tmp_path):
    (tmp_path / "a.png").touch()
    link_to_nothing(tmp_path / "a.jpg")
    assert pictures_in(tmp_path, "image") == ({}, {"a": "image has both a.jpg and a.png, expected one a stem"})


@LINKS
def test_a_command_counts_them(tmp_path, capsys, scene, link):
    from hybridmatte.cli import main
    from hybridmatte.io.pictures import write_alpha, write_image

    for folder in ("images", "alphas"):
        (tmp_path / folder).mkdir()
    write_image(tmp_path / "images" / "a.png", scene.image)
    write_alpha(tmp_path / "alphas" / "a.png", scene.alpha)
    shutil.copy(tmp_path / "images" / "a.png", tmp_path / "images" / "b.png")
    link(tmp_path / "alphas" / "b.png")
    link(tmp_path / "images" / "c.png")
    arguments = ["refine", tmp_path / "images", tmp_path / "alphas", "-o", tmp_path / "out"]
    with pytest.raises(SystemExit) as end:
        main(list(map(str, arguments)))
    lines = capsys.readouterr().err.splitlines()
    assert end.value.code == 1
    assert lines[-1] == "1 written, 0 already there, 2 failed"
    assert sum("is a link to" in line for line in lines) == 2
