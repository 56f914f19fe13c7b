"""``batch`` refuses what would lose files or promise wrongly, and says why."""

import json
import os

import pytest

from hybridmatte.batch.record import open_journal
from hybridmatte.batch.stores import Stores

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


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            "@images @trimaps -o @out --storage-option s3.anon=true",
            "expected a protocol of the job (none, all files are",
        ),
        ("@images @trimaps -o @out --storage-option s4.anon=true", "has the protocol s4, expected"),
        ("@list.csv -o @out --storage-option s4.anon=true", "has the protocol s4, expected"),
        (
            "memory://bucket/images @trimaps -o @out --storage-option s3.anon=true",
            "expected a protocol of the job (mem",
        ),
        ("memory://bucket/nothing/*.png @trimaps -o @out", "holds no picture"),
    ],
)
def test_options_of_stores_that_do_nothing_are_refused(run, many, arguments, sentence):
    pytest.importorskip("s3fs")
    (many / "list.csv").write_text("image,trimap\nimages/a.png,trimaps/a.png\n")
    refused = run(f"batch {arguments} --job matte --method cf")
    assert refused.code == 2
    assert sentence in refused.err
    assert not (many / "out").exists()


def test_an_option_that_a_store_does_not_know_is_refused(run, monkeypatch):
    pytest.importorskip("s3fs")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    refused = run("batch s3://bucket/images @trimaps -o @out --job matte --storage-option s3.endpoint=nowhere")
    assert refused.code == 2
    assert "expected options that its protocol has (--storage-option)" in refused.err


def test_files_that_a_store_lacks_are_named(run, many):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.put(str(many / "images"), "/lacking/images", recursive=True)
    memory.put(str(many / "trimaps"), "/lacking/trimaps", recursive=True)
    memory.rm_file("/lacking/trimaps/b.png")
    command = "batch memory://lacking/images ../trimaps/{stem}.png -o @out --job matte --method cf"
    run(command)
    errors = {row["key"]: row["error"] for row in rows(many / "out" / "results.jsonl")}
    assert (
        errors["b"] == "b.png: memory://lacking/trimaps/b.png does not exist or is not shown, "
        "expected a file or a folder of the store"
    )
    assert errors["a"] is None  # the folder of the trimaps lies beside that of the images


def test_a_manifest_names_png_files(run, many):
    names = ["x.png", "sub/x.v1", "sub/x.v2", "x.jpg", "folder/"]
    lines = [f"images/{letter}.png,trimaps/{letter}.png,{name}" for letter, name in zip("abcde", names, strict=True)]
    (many / "list.csv").write_text("\n".join(["image,trimap,output", *lines]) + "\n")
    run("batch @list.csv -o @out --job matte --method cf")
    found = {row["key"]: row for row in rows(many / "out" / "results.jsonl")}
    written = sorted(row["output"] for row in found.values() if row["output"])
    assert written == [str(many / "out" / name) for name in ("sub/x.v1.png", "sub/x.v2.png", "x.png")]
    errors = sorted(row["error"] for row in found.values() if row["error"])
    assert [error.partition(",")[0] for error in errors] == ["d.png: output is x.jpg", "e.png: output is folder/"]
    assert not (many / "out" / "folder").exists()


def test_a_table_with_columns_that_mean_nothing_is_refused(run, many):
    (many / "list.csv").write_text("image,trimap,methd\nimages/a.png,trimaps/a.png,knn\n")
    refused = run("batch @list.csv -o @out --job matte")
    assert refused.code == 2
    assert "has the columns 'methd', expected image, trimap, mask" in refused.err
    assert "max-pixels" in refused.err
    assert not (many / "out").exists()


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_planes_of_a_manifest_that_the_job_does_not_use_are_named(run, many, ending):
    row = {"image": "images/a.png", "trimap": "trimaps/a.png", "alpha": "alphas/a.png"}
    text = f"{','.join(row)}\n{','.join(row.values())}\n" if ending == "csv" else json.dumps(row) + "\n"
    (many / f"list.{ending}").write_text(text)
    assert "not used by this job: alpha" in run(f"batch @list.{ending} -o @out --job matte --method cf").err
    assert "not used" not in run(f"batch @list.{ending} -o @refined --job refine").err


def test_columns_of_a_parquet_record_have_one_type_each(run, many):
    parquet = pytest.importorskip("pyarrow.parquet")
    command = "batch @images @trimaps --job matte --method cf"
    run(f"{command} -o @out --record @first.parquet")
    run(f"{command.replace('@images', '@images/broken*')} -o @failed --record @second.parquet")
    first, second = (parquet.read_table(many / f"{name}.parquet") for name in ("first", "second"))
    assert first.schema == second.schema
    sizes = dict(zip(first.column("key").to_pylist(), first.column("size").to_pylist(), strict=True))
    assert sizes["a"] == [37, 29]
    assert sizes["broken"] is None


def test_a_parquet_file_is_not_overwritten_by_a_record(run, many):
    pytest.importorskip("pyarrow")
    (many / "table.parquet").write_text("text")
    refused = run(f"{MATTE} --record @table.parquet")
    assert refused.code == 2
    assert "table.parquet exists, expected --resume to continue or --force" in refused.err
    assert (many / "table.parquet").read_text() == "text"
    assert not (many / "out").exists()


def test_a_trial_refuses_what_the_run_would(run, many):
    assert "lies in a folder that does not exist" in run(f"{MATTE.replace('@out', '@no/where')} --dry-run").err
    (many / "out").mkdir()
    (many / "out" / "other.png").touch()
    refused = run(f"{MATTE} --dry-run")
    assert refused.code == 2
    assert "holds 1 files already (other.png, ...)" in refused.err


def test_a_trial_counts_as_the_run_would_and_names_what_fails(run, many):
    (many / "trimaps" / "e.png").unlink()
    run(MATTE)
    again = run(f"{MATTE} --dry-run --resume")
    assert "6 pictures, 6 in the record already, 0 cannot be worked on" in again.err
    again = run(f"{MATTE} --dry-run --resume --retry-errors")
    assert "6 pictures, 4 in the record already, 1 cannot be worked on" in again.err
    assert "e.png has no trimap in" in again.err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux")
def test_a_record_on_a_full_disk_is_named(tmp_path):
    name = str(tmp_path / "results.jsonl")
    journal = open_journal(name, Stores(), resume=False, force=False)
    journal.file.close()
    journal.file = open("/dev/full", "wb")
    for call in (lambda: journal.add({"key": "a", "error": None}), journal.close):
        with pytest.raises(OSError, match="results.jsonl cannot be written .No space left on device., expected"):
            call()


def test_pictures_of_another_folder_with_the_same_names_are_noticed(run, many):
    run(MATTE)
    assert "from other files" not in run(f"{MATTE} --resume").err
    (many / "images").rename(many / "others")
    again = run(f"{MATTE.replace('@images', '@others')} --resume")
    assert "warning: the record has 6 or more pictures from other files, which count as done (a is that of" in again.err
