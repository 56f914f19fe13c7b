"""File names that are not ASCII, under every locale and encoding of the standard streams."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import hybridmatte
from hybridmatte.io.pictures import write_alpha, write_image

COMMANDS = """
import sys
from hybridmatte.batch import work
from hybridmatte.cli import main

work.matte_by = lambda image, trimap, *_: trimap
for command in ("matte {i}.png {t}.png -o alpha{a}/{i}.png", "matte image{a} trimap{a} -o alpha{a} --resume",
                "evaluate alpha{a} trimap{a} --region whole --csv {a}.csv --json {a}.json",
                "composite {i}.png trimap{a}/{i}.png -o new{a}.tif", "composite no{a}.png {t}.png -o {a}.png"):
    try:
        main([word.replace("{a}", sys.argv[1]).replace("{i}", sys.argv[2]).replace("{t}", sys.argv[3])
              for word in command.split()])
    except SystemExit as end:
        print("code", end.code)
"""
LOCALES = {
    "C": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "C without an environment": {"LC_ALL": "C"},
    "ASCII streams": {"PYTHONUTF8": "1", "PYTHONIOENCODING": "ascii"},
    "UTF-8": {"PYTHONUTF8": "1"},
}


NAMES = {"latin": b"gr\xc3\xb6\xc3\x9fe", "Chinese": b"\xe5\xad\x97\xe5\xb9\x95", "not UTF-8": b"latin\xf6"}
FAST = {("C", "latin"), ("UTF-8", "not UTF-8")}
CASES = [
    pytest.param(locale, name, marks=[] if (locale, name) in FAST else pytest.mark.slow, id=f"{locale}, {name}")
    for locale in LOCALES
    for name in NAMES
]


@pytest.mark.parametrize(("locale", "kind"), CASES)
@pytest.mark.skipif(sys.platform != "linux", reason="names of any bytes")
def test_commands_take_and_name_such_files(tmp_path, scene, locale, kind):
    """User: under LANG=C, `evaluate` wrote no file: surrogates not allowed."""
    name = NAMES[kind]
    word = os.fsdecode(name)
    for folder in ("image", "trimap", "alpha"):
        (tmp_path / f"{folder}{word}").mkdir()
    write_image(tmp_path / f"image{word}" / f"{word}.png", scene.image)
    write_alpha(tmp_path / f"trimap{word}" / f"{word}.png", scene.trimap)
    image, trimap = f"image{word}/{word}", f"trimap{word}/{word}"
    code = COMMANDS.replace("alpha{a}/{i}", "alpha{a}/{a}").replace("trimap{a}/{i}", "trimap{a}/{a}")
    environment = {key: value for key, value in os.environ.items() if key not in ("LANG", "LC_ALL", "LC_CTYPE")}
    done = subprocess.run(
        [sys.executable, "-c", code, word, image, trimap],
        env=environment | {"PYTHONPATH": str(Path(hybridmatte.__file__).parents[1])} | LOCALES[locale],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    errors = done.stderr.decode(errors="replace").splitlines()
    assert b"Traceback" not in done.stderr
    assert done.stdout.split().count(b"code") == 5, errors
    assert done.stdout.split()[-1] == b"2"
    assert len(errors) == 3
    assert errors[0].startswith("1 file taken as finished")
    assert errors[1] == "0 written, 1 already there, 0 failed"
    assert errors[2].endswith("does not exist, expected a picture")
    assert (tmp_path / f"alpha{word}" / f"{word}.png").is_file()
    assert (tmp_path / f"new{word}.tif").is_file()
    assert (tmp_path / f"{word}.csv").read_bytes().splitlines()[1].startswith(name + b",")
    result = json.loads((tmp_path / f"{word}.json").read_text(encoding="ascii"))["results"][0]
    assert result["name"] == name.decode(errors="surrogateescape")
