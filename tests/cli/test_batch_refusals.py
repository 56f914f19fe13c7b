"""``batch`` refuses what would lose files or promise wrongly, and says why."""

import json

import pytest

MATTE = "batch @images @trimaps -o @out --job matte --method cf"


def rows(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def results(folder):
    return {path.stem: path.read_bytes() for path in folder.glob("*.png")}


@pytest.mark.parametrize(
    ("maps", "sentence"),
    [
        ("@out", "expected another place than the output"),
        ("@out/../out/", "expected another place than the output"),
        ("@trimaps", "holds 6 files already (a.png, ...), expected a new or an empty place"),
        ("@nowhere/maps", "lies in a folder that does not exist"),
        ("{stem}_map.png", "expected a folder or an address"),
        ("@maps.tar", "expected a folder or an address"),
    ],
)
def test_confidence_maps_never_take_the_place_of_other_files(run, many, maps, sentence):
    before = results(many / "trimaps")
    refused = run(f"batch @images @trimaps -o @out --job matte --confidence-map {maps}")
    assert refused.code == 2
    assert "--confidence-map" in refused.err
    assert sentence in refused.err
    assert results(many / "trimaps") == before
    assert not results(many / "out")
    assert not (many / "nowhere").exists()


def test_a_record_without_rows_keeps_no_run_out(run, many):
    (many / "out").mkdir()
    (many / "out" / "results.jsonl").touch()  # as a run leaves it whose engine cannot start
    assert "5 written" in run(MATTE).err


def test_a_record_in_a_folder_that_does_not_exist_is_refused(run, many):
    refused = run(f"{MATTE} --record @nowhere/record.jsonl")
    assert refused.code == 2
    assert "nowhere/record.jsonl lies in a folder that does not exist" in refused.err
    assert not (many / "nowhere").exists()
