"""``batch``: one job for many pictures, the record, and every form of input and output."""

import functools
import http.server
import io
import json
import tarfile
import threading

import pytest

from hybridmatte.batch import record
from hybridmatte.batch.stores import Stores
from hybridmatte.io.pictures import write_alpha, write_image
from tests.synthetic import soft_disk

MATTE = "batch @images @trimaps -o @out --job matte --method cf"


@pytest.fixture
def expected(many, run):
    """Return the bytes of the results of ``matte`` by the names of the images."""
    run("matte @images @trimaps -o @expected --method cf")
    return {path.stem: path.read_bytes() for path in (many / "expected").iterdir()}


def rows(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def results(folder):
    return {path.stem: path.read_bytes() for path in folder.glob("*.png")}


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_those_of_the_command_and_each_picture_has_one_row(run, many, expected, workers):
    done = run(f"{MATTE} --workers {workers}")
    assert done.code == 1
    assert "5 written, 0 already there, 1 failed" in done.err
    assert results(many / "out") == expected
    found = {row["key"]: row for row in rows(many / "out" / "results.jsonl")}
    assert sorted(found) == sorted([*"abcde", "broken"])
    assert found["a"]["output"] == str(many / "out" / "a.png")
    assert found["a"]["size"] == [37, 29]
    assert found["a"]["method"] == "cf"
    assert found["a"]["error"] is None
    assert found["broken"]["output"] is None
    assert "broken.png is of another kind" in found["broken"]["error"]


def test_a_run_goes_on_where_its_record_ends(run, many, expected):
    run(MATTE)
    record = many / "out" / "results.jsonl"
    lines = record.read_text().splitlines(keepends=True)
    record.write_text("".join(lines[:3]) + lines[3][:20])  # as a killed run leaves it
    before = {path.name: path.stat().st_mtime_ns for path in (many / "out").glob("*.png")}
    done = run(f"{MATTE} --resume")
    assert "the last line" in done.err
    assert "is torn: its picture is done again" in done.err
    assert "3 written, 2 already there, 0 failed" in done.err  # the third in the order of names is the broken one
    assert sorted(row["key"] for row in rows(record)) == sorted([*"abcde", "broken"])
    assert results(many / "out") == expected
    kept = [json.loads(line)["key"] for line in lines[:3]]
    after = {path.name: path.stat().st_mtime_ns for path in (many / "out").glob("*.png")}
    assert all(before[f"{key}.png"] == after[f"{key}.png"] for key in kept if key != "broken")


def test_failures_are_tried_again_on_request_only(run, many):
    run(MATTE)
    write_image(many / "images" / "broken.png", soft_disk().image)
    again = run(f"{MATTE} --resume")
    assert "0 written, 5 already there, 0 failed" in again.err
    assert "1 failed in an earlier run" in again.err
    assert "1 written, 5 already there, 0 failed" in run(f"{MATTE} --resume --retry-errors").err
    found = rows(many / "out" / "results.jsonl")
    assert len(found) == 6
    assert not any(row["error"] for row in found)


def test_a_place_that_holds_files_is_refused(run, many):
    run(MATTE)
    refused = run(MATTE)
    assert refused.code == 2
    assert "expected a new or an empty place, --resume to go on or --force to overwrite" in refused.err
    assert run(f"{MATTE} --force").err.count("5 written") == 1
    assert len(rows(many / "out" / "results.jsonl")) == 6


def test_a_record_with_a_damaged_line_is_refused(run, many):
    run(MATTE)
    record = many / "out" / "results.jsonl"
    record.write_text("nonsense\n" + record.read_text())
    assert "has no row in line 1, expected an object with a key in each line" in run(f"{MATTE} --resume").err


def test_too_many_failures_end_a_run_which_can_go_on(run, many):
    for name in "uvwxyz":
        (many / "images" / f"{name}.png").write_text("text")
        write_alpha(many / "trimaps" / f"{name}.png", soft_disk().trimap)
    done = run(f"{MATTE} --max-errors 2")
    assert done.code == 1
    assert "more than 2 pictures failed, so no other was begun" in done.err
    assert sum(row["error"] is not None for row in rows(many / "out" / "results.jsonl")) == 3
    run(f"{MATTE} --resume")
    assert len(rows(many / "out" / "results.jsonl")) == 12


def test_rows_stand_in_the_order_of_the_input(run, many):
    run(f"{MATTE} --workers 2 --order")
    keys = [row["key"] for row in rows(many / "out" / "results.jsonl")]
    assert keys == sorted(keys)


def test_a_dry_run_counts_and_writes_nothing(run, many):
    done = run(f"{MATTE} --dry-run")
    assert done.code == 0
    assert "6 pictures, 0 in the record already, 0 cannot be worked on" in done.err
    assert "for 6 pictures, one at a time" in done.err
    assert not (many / "out").exists()


def test_an_unpaired_image_becomes_a_row(run, many):
    (many / "trimaps" / "c.png").unlink()
    run(MATTE)
    error = {row["key"]: row["error"] for row in rows(many / "out" / "results.jsonl")}["c"]
    assert "has no trimap" in error


def test_scores_stand_in_the_record(run, many):
    done = run("batch @trimaps @alphas @trimaps -o @scores --job evaluate")
    assert "mean sad over 5 pictures" in done.err
    found = {row["key"]: row for row in rows(many / "scores" / "results.jsonl")}
    run("evaluate @trimaps @alphas @trimaps --json @scores.json")
    table = {row.pop("name"): row for row in json.loads((many / "scores.json").read_text())["results"]}
    assert {key: row["scores"] for key, row in found.items() if row["error"] is None} == table
    assert found["a"]["output"] is None


def test_confidence_is_recorded(run, many):
    done = run("batch @images @trimaps -o @out --job matte --confidence --confidence-map @maps")
    assert "5 written" in done.err
    found = {row["key"]: row for row in rows(many / "out" / "results.jsonl")}
    assert 0 < found["a"]["confidence"]["mean"] <= 1
    assert found["broken"]["confidence"] is None
    assert len(results(many / "maps")) == 5


def test_refine_and_auto_are_the_commands(run, many):
    run("refine @images @alphas -o @expected")
    run("batch @images @alphas -o @out --job refine")
    assert len(results(many / "out")) == 5
    assert results(many / "out") == results(many / "expected")
    run("auto @images --mask @alphas -o @expected_cuts --method cf --trust-mask --background white")
    run("batch @images -o @cuts --mask @alphas --method cf --trust-mask --background white")
    assert len(results(many / "cuts")) == 5
    assert results(many / "cuts") == results(many / "expected_cuts")


def write_tar(file, many, names="abcde"):
    with tarfile.open(file, "w") as archive:
        for name in names:
            for folder, ending in (("images", "png"), ("trimaps", "trimap.png")):
                archive.add(many / folder / f"{name}.png", f"{name}.{ending}")


def test_tar_shards_in_and_out(run, many, expected):
    write_tar(many / "in-0.tar", many, "abc")
    write_tar(many / "in-1.tar", many, "de")
    done = run("batch @in-{0..1}.tar -o @out.tar --job matte --method cf --shard-size 2")
    assert "5 written" in done.err
    packed = {}
    for shard in sorted(many.glob("out-*.tar")):
        with tarfile.open(shard) as archive:
            packed[shard.name] = {entry.name: archive.extractfile(entry).read() for entry in archive}
    assert list(packed) == ["out-000000.tar", "out-000001.tar", "out-000002.tar"]
    assert list(packed["out-000001.tar"]) == ["c.png", "d.png"]
    assert {name[0]: data for shard in packed.values() for name, data in shard.items()} == expected
    before = {path.name: path.read_bytes() for path in many.glob("out-*.tar")}
    record = many / "out_results.jsonl"
    record.write_text("".join(record.read_text().splitlines(keepends=True)[:2]))
    again = run("batch @in-{0..1}.tar -o @out.tar --job matte --method cf --shard-size 2 --resume")
    assert "3 written, 2 already there" in again.err
    assert {path.name: path.read_bytes() for path in many.glob("out-*.tar")} == before
    assert len(rows(record)) == 5


def test_failures_that_are_tried_again_join_the_others_of_their_shard(run, many):
    command = "batch @images @trimaps -o @out.tar --job matte --method cf"
    run(command)
    write_image(many / "images" / "broken.png", soft_disk().image)
    assert "1 written, 5 already there, 0 failed" in run(f"{command} --resume --retry-errors").err
    with tarfile.open(many / "out-000000.tar") as archive:
        assert sorted(archive.getnames()) == sorted(f"{name}.png" for name in [*"abcde", "broken"])


def test_a_damaged_shard_and_a_sample_without_an_image_become_rows(run, many):
    write_tar(many / "in-0.tar", many, "ab")
    data = (many / "in-0.tar").read_bytes()
    (many / "in-0.tar").write_bytes(data[: len(data) // 3])
    write_tar(many / "in-1.tar", many, "cd")
    with tarfile.open(many / "in-1.tar", "a") as archive:
        entry = tarfile.TarInfo("lost.txt")
        archive.addfile(entry, io.BytesIO())
    run("batch @in-*.tar -o @out --job matte --method cf")
    errors = {row["key"]: row["error"] for row in rows(many / "out" / "results.jsonl")}
    assert "cannot be read to its end" in errors["in-0 (shard)"]
    assert "has 0 images (txt), expected one" in errors["lost"]
    assert errors["c"] is None
    assert errors["d"] is None


def test_a_name_that_leads_out_of_the_output_is_refused(run, many):
    with tarfile.open(many / "in.tar", "w") as archive:
        for folder, ending in (("images", "png"), ("trimaps", "trimap.png")):
            archive.add(many / folder / "a.png", f"../up/x.{ending}")
    run("batch @in.tar -o @out --job matte --method cf")
    assert "leads out of the output" in rows(many / "out" / "results.jsonl")[0]["error"]
    assert not (many / "up").exists()


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_a_manifest_gives_pictures_options_of_their_own(run, many, ending):
    run("matte @images/b.png @trimaps/b.png -o @knn.png --method knn")
    table = [
        {"image": "images/a.png", "trimap": "trimaps/a.png", "method": "", "output": ""},
        {"image": "images/b.png", "trimap": "trimaps/b.png", "method": "knn", "output": "sub/own.png"},
        {"image": "images/c.png", "trimap": "trimaps/c.png", "method": "nonsense", "output": ""},
        {"image": "images/d.png", "trimap": "", "method": "", "output": ""},
        {"image": "", "trimap": "", "method": "knn", "output": ""},
        {"image": "images/a.png", "trimap": "trimaps/a.png", "method": "", "output": ""},
    ]
    if ending == "csv":
        lines = [",".join(table[0]), *(",".join(row.values()) for row in table)]
    else:
        lines = [json.dumps({key: value for key, value in row.items() if value}) for row in table]
    (many / f"list.{ending}").write_text("\n".join(lines) + "\n")
    run(f"batch @list.{ending} -o @out --job matte --quality fast")
    found = {row["key"]: row for row in rows(many / "out" / "results.jsonl")}
    assert found["sub/own"]["error"] is not None  # a method and a quality together
    run(f"batch @list.{ending} -o @out2 --job matte")
    found = {row["key"]: row for row in rows(many / "out2" / "results.jsonl")}
    assert found["a"]["method"] == "best"
    assert (many / "out2" / "sub" / "own.png").read_bytes() == (many / "knn.png").read_bytes()
    assert "method is 'nonsense', expected" in found["c"]["error"]
    assert "has no trimap, expected one" in found["d"]["error"]
    assert "has no image" in found["row 5"]["error"]
    assert "expected one picture a name" in found["a (5)"]["error"]
    assert len(found) == 6


def test_a_row_of_a_manifest_cannot_end_the_run_or_reach_other_options(run, many):
    own = [{}, {"help": True}, {"output=x": True}, {"-o": "x"}, {"": 1}, {"workers": 2}, {"output": "https://x/y"}, {}]
    table = [{"image": f"images/{name}.png", "trimap": "trimaps/a.png"} for name in "abcdeabc"]
    lines = [json.dumps({"output": f"x{index}", **row, **own[index]}) for index, row in enumerate(table)]
    (many / "list.jsonl").write_text("\n".join(lines))
    assert run("batch @list.jsonl -o @out --job matte --method cf").code == 1
    errors = {row["key"]: row["error"] for row in rows(many / "out" / "results.jsonl")}
    assert errors.pop("x0") is None
    assert errors.pop("x7") is None
    assert "--help is given for one picture" in errors.pop("x1")
    assert "--workers is given for one picture" in errors.pop("x5")
    assert "'output=x', expected image, trimap," in errors.pop("row 3")
    assert "'-o', expected image" in errors.pop("row 4")
    assert "'', expected image" in errors.pop("row 5")
    assert "leads out of the output" in errors.pop("picture 6")
    assert not errors
    assert len(results(many / "out")) == 2


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        (
            'image,trimap\n"images/a.png,trimaps/a.png\nimages/b.png,trimaps/b.png\n',
            "has no row in line 2 (unexpected end of data)",
        ),
        (f'image\n"{"x" * 200_000}\n', "has no row in line 2 (field larger"),
        (",image,trimap\n0,images/a.png,trimaps/a.png\n", "has the columns '', expected image, trimap"),
    ],
    ids=["quote without end", "long cell", "column without name"],
)
def test_a_table_that_would_lose_rows_is_refused(run, many, table, sentence):
    (many / "list.csv").write_text(table)
    refused = run("batch @list.csv -o @out --job matte --method cf")
    assert refused.code == 2
    assert sentence in refused.err


def test_names_of_the_same_result_are_one_name(run, many):
    names = {"x": "x", "./x": "x", "s//x.png": "s/x", "s/x": "s/x", "day.one": "day.one", "day.two": "day.two"}
    table = [{"image": "images/a.png", "trimap": "trimaps/a.png", "output": name} for name in [*names, "."]]
    (many / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table))
    run("batch @list.jsonl -o @out --job matte --method cf")
    found = {row["key"]: row["error"] for row in rows(many / "out" / "results.jsonl")}
    assert {key for key, error in found.items() if error is None} == set(names.values())
    assert "expected one picture a name" in found["x (1)"]
    assert "expected one picture a name" in found["s/x (3)"]
    assert "leads out of the output" in found["picture 6"]
    assert len(list((many / "out").rglob("*.png"))) == 4


def test_parquet_in_and_out(run, many, expected):
    pytest.importorskip("pyarrow")
    import pyarrow
    from pyarrow import parquet

    images = [(many / "images" / f"{name}.png").read_bytes() for name in "abc"]
    trimaps = [{"bytes": None, "path": f"trimaps/{name}.png"} for name in "abc"]
    table = pyarrow.table({"image": images, "trimap": trimaps, "key": list("abc")})
    parquet.write_table(table, many / "in.parquet")
    done = run("batch @in.parquet -o @out.parquet --job matte --method cf --record @record.parquet")
    assert "3 written" in done.err
    packed = parquet.read_table(many / "out-000000.parquet").to_pydict()
    assert dict(zip(packed["key"], packed["image"], strict=True)) == {name: expected[name] for name in "abc"}
    assert parquet.read_table(many / "record.parquet").to_pydict()["key"] == list("abc")


def test_a_store_in_and_out(run, many, expected):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.put(str(many / "images"), "/bucket/images", recursive=True)
    memory.put(str(many / "trimaps"), "/bucket/trimaps", recursive=True)
    command = "batch memory://bucket/images memory://bucket/trimaps -o memory://bucket/out --job matte --method cf"
    assert "5 written, 0 already there, 1 failed; record: memory://bucket/out/results-*.jsonl" in run(command).err
    names = [name for name in memory.find("/bucket/out") if name.endswith(".png")]
    assert {name[-5]: memory.cat_file(name) for name in names} == expected
    assert "expected a new or an empty place" in run(command).err
    assert "0 written, 5 already there" in run(f"{command} --resume").err
    pattern = "batch memory://bucket/images/[ab].png ../trimaps/{stem}.png -o @local --job matte --method cf"
    assert "2 written" in run(pattern.replace("../trimaps", "memory://bucket/trimaps")).err
    assert results(many / "local") == {name: expected[name] for name in "ab"}


def test_trimaps_below_the_images_of_a_store_are_no_images(run, many):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    for folder, place in (("images", "images"), ("trimaps", "images/trimaps")):
        for file in (many / folder).iterdir():
            memory.pipe_file(f"/bucket/{place}/{file.name}", file.read_bytes())
    done = run("batch memory://bucket/images memory://bucket/images/trimaps -o @out --job matte --method cf")
    assert "5 written, 0 already there, 1 failed" in done.err  # the failure is the broken image


def test_a_record_in_a_store_has_many_parts(monkeypatch):
    fsspec = pytest.importorskip("fsspec")
    fsspec.filesystem("memory").store.clear()
    monkeypatch.setattr(record, "PART_ROWS", 2)
    name, stores = "memory://bucket/results.jsonl", Stores()
    keys = [f"a{number:03d}" for number in range(81)]
    journal = record.open_journal(name, stores, resume=False, force=False)
    for key in keys[:50]:
        journal.add({"key": key, "error": None})
    assert len(list(journal.all_rows())) == 50
    journal = record.open_journal(name, stores, resume=True, force=False)  # as after a death: what waits is lost
    assert list(journal.rows) == keys[:50]
    for key in keys[50:]:
        journal.add({"key": key, "error": "bad" if key == keys[60] else None})
    journal.close()
    assert [row["key"] for row in journal.all_rows()] == keys
    assert record.keys_of(name, stores) == set(keys)
    assert len(stores.names("memory://bucket/results-*.jsonl")) == 41
    again = record.open_journal(name, stores, resume=True, force=False, retry_errors=True)
    assert set(keys) - set(again.rows) == {keys[60]}
    assert record.open_journal(name, stores, resume=False, force=True).rows == {}
    assert stores.names("memory://bucket/results-*.jsonl") == []


def test_a_web_server_lists_its_pictures(run, many, expected):
    pytest.importorskip("aiohttp")
    pytest.importorskip("fsspec")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(many))
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        done = run(f"batch {base}/images/ {base}/trimaps/ -o @out --job matte --method cf")
        refused = run(f"batch @images @trimaps -o {base}/out --job matte")
    finally:
        server.shutdown()
        server.server_close()
    assert "5 written, 0 already there, 1 failed" in done.err
    assert results(many / "out") == expected
    assert "is an HTTP server, expected a store that can be written" in refused.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("@images @trimaps -o @out --job paint", "--job is 'paint', expected"),
        ("@images @trimaps -o @out --job matte --engine cloud", "--engine is 'cloud', expected"),
        (
            "@images @trimaps -o @out --job matte --address auto",
            "--address is auto, expected none without --engine ray",
        ),
        ("@images @trimaps -o @out --job matte --foo", "--job matte: No such option: --foo"),
        ("@images @trimaps -o @out --job matte --method paint", "method is 'paint', expected"),
        ("@images -o @out --job matte", "--job matte: Missing argument 'TRIMAP'"),
        ("@images @trimaps -o @out --job matte --resume --force", "--resume and --force are given"),
        ("@images @trimaps -o @out --job matte --retry-errors", "--retry-errors is given, expected --resume"),
        ("@images @trimaps -o @out --job matte --record @r.txt", "expected a name ending in .jsonl or .parquet"),
        ("@nothing @trimaps -o @out --job matte", "is no folder and no file, expected a folder, a pattern"),
        ("@images/a.png @trimaps -o @out --job matte", "is a single file, expected a folder, a pattern"),
        ("@images @trimaps -o @images --job matte", "expected"),
        ("@images @alphas -o @out.tar --job evaluate --region whole", "names shards, expected a folder"),
        ("@images @trimaps -o @out --job matte --confidence-map @out/", "expected another place than the output"),
        ("@images -o @out --job evaluate --region whole", "TRUTHS is missing"),
        ("@images @trimaps -o @out --job matte --storage-option anon", "expected PROTOCOL.KEY=VALUE"),
        ("@images @trimaps -o @out --job matte --method cf --confidence", "--confidence is given, expected none with"),
        ("@images @alphas -o @out --job refine --confidence 0.5", "--confidence is given with --job refine, expected"),
        ("@images @trimaps -o @out --job matte --shard-size 3", "--shard-size is 3, expected an output ending in .tar"),
    ],
)
def test_options_that_cannot_be_are_refused_before_any_work(run, many, arguments, sentence):
    refused = run(f"batch {arguments}")
    assert refused.code == 2
    assert sentence in refused.err
    assert not (many / "out").exists()
