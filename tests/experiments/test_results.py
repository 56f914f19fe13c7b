"""The form of recorded results."""

import json
import subprocess

import pytest

from experiments.metadata import run_metadata
from experiments.results import RESULTS, check_results, make_row, merge_results, read_results
from tests.experiments.rows import KEYS, METADATA, row


class TestResults:
    @pytest.mark.parametrize(
        ("change", "error", "message"),
        [
            pytest.param({"results": [{"method": "cf"}]}, ValueError, r"results\[0\] has no 'subject'", id="missing"),
            pytest.param({"results": [{**row(), "median_s": "1"}]}, TypeError, "median_s is '1'", id="wrong type"),
            pytest.param({"results": [{**row(), "size": True}]}, TypeError, "size is True", id="bool for number"),
            pytest.param({"metadata": {**METADATA, "threads": 2.0}}, TypeError, "threads is 2.0", id="float threads"),
            pytest.param({"extra": 1}, ValueError, "document has keys", id="extra key"),
        ],
    )
    def test_schema_refuses(self, change, error, message):
        document = {"metadata": METADATA, "results": [row()]}
        assert check_results(document) is document
        with pytest.raises(error, match=message):
            check_results({**document, **change})

    @pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
    def test_recorded_results_fit_the_schema(self, path):
        read_results(path)

    def test_metadata_of_this_run_fits_the_schema(self):
        check_results({"metadata": run_metadata(2, ["numpy"]), "results": [make_row("cf", "GT02", (3, 4))]})

    def test_a_copy_without_git_names_the_commit_it_is_told(self, tmp_path, monkeypatch):
        """The files alone are copied to a machine with a GPU; its result says which commit they are, or "unknown"."""
        monkeypatch.setattr("experiments.metadata.ROOT", tmp_path)
        monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
        monkeypatch.delenv("HYBRIDMATTE_COMMIT", raising=False)
        assert run_metadata(2)["commit"] == "unknown"
        monkeypatch.setenv("HYBRIDMATTE_COMMIT", "abc1234")
        assert run_metadata(2)["commit"] == "abc1234"

    def test_recorded_results_alone_do_not_modify_a_checkout(self, tmp_path, monkeypatch):
        """A run that adds rows part by part measures the code of the commit, whatever rows it has written before."""

        def git(*arguments):
            subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

        code, rows = tmp_path / "code.py", tmp_path / "docs" / "results" / "made.json"
        rows.parent.mkdir(parents=True)
        for path in (code, rows):
            path.write_text("1\n", encoding="utf-8")
        git("init")
        git("add", ".")
        git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "--message", "first")
        monkeypatch.setattr("experiments.metadata.ROOT", tmp_path)
        clean = run_metadata(2)["commit"]
        assert len(clean) == 7
        rows.write_text("2\n", encoding="utf-8")
        assert run_metadata(2)["commit"] == clean
        code.write_text("2\n", encoding="utf-8")
        assert run_metadata(2)["commit"] == f"{clean}-dirty"

    def test_partial_runs_merge(self, tmp_path):
        path = tmp_path / "made.json"
        merge_results(path, METADATA, [row("cf"), row("knn")], KEYS)
        later = {**METADATA, "commit": "def"}
        document = merge_results(path, later, [row("cf", seconds=2.0), row("cf", package="PyMatting")], KEYS)
        assert json.loads(path.read_text(encoding="utf-8")) == document
        assert [(r["method"], r["package"], r["median_s"], r["commit"]) for r in document["results"]] == [
            ("cf", "hybridmatte", 2.0, "def"),
            ("knn", "hybridmatte", 1.0, "abc"),
            ("cf", "PyMatting", 1.0, "def"),
        ]
        assert document["metadata"]["commit"] == "def"
        assert list(tmp_path.iterdir()) == [path]
