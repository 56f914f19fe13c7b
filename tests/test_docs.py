"""The documentation: pages name files and public names that exist, links lead somewhere, and every example runs."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GENERATED = ("_build", "examples", "names")
PAGES = sorted(
    page
    for page in [
        *DOCS.rglob("*.md"),
        *ROOT.glob("*.md"),
        *ROOT.glob("experiments/*/README.md"),
        *ROOT.glob("hybridmatte/weights/*.md"),
        *ROOT.glob("hybridmatte/weights/*/README.md"),
    ]
    if not set(GENERATED) & set(page.relative_to(ROOT).parts)
)
EXAMPLES = sorted(DOCS.glob("gallery/*/*.py"))
API_PAGES = ("hybridmatte", "losses", "networks", "data", "training", "video", "server")
LINK = re.compile(r"(?<!\\)!?\[[^\]]*\]\(<?([^)>\s]+)>?\)")


def text_of(page):
    """Return the text of a page without code blocks."""
    return re.sub(r"^```.*?^```|^    .*?$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors(page):
    """Return the anchors of a page's headings, as code hosts and the site make them."""
    titles = re.findall(r"^#+ (.*)$", text_of(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_and_headings(page):
    links = [link for link in LINK.findall(text_of(page)) if "://" not in link and not link.startswith("mailto:")]
    for link in links:
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.relative_to(ROOT)} links to {link}, expected a file"
        assert target.is_relative_to(ROOT)
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{page.relative_to(ROOT)} links to {link}, expected a heading"


def test_map_of_the_concepts_leads_to_files():
    rows = re.findall(r"^\| (.+?) \| `(.+?)` \|$", (DOCS / "concepts.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) >= 25
    assert [path for _, path in rows if not (ROOT / path).is_file()] == []
    assert len({concept for concept, _ in rows}) == len(rows)


def test_map_of_the_concepts_has_every_method():
    text = (DOCS / "concepts.md").read_text(encoding="utf-8")
    solvers = [path for path in (ROOT / "hybridmatte/methods").glob("[a-z]*.py") if "\ndef solve_" in path.read_text()]
    assert len(solvers) > 8
    assert [path.name for path in solvers if f"hybridmatte/methods/{path.name}" not in text] == []


@pytest.mark.parametrize("page", API_PAGES)
def test_api_reference_has_every_public_name_once(page):
    if page in ("losses", "networks", "training"):
        pytest.importorskip("torch", reason="the extra deep is not installed")
    module = importlib.import_module("hybridmatte" if page == "hybridmatte" else f"hybridmatte.{page}")
    blocks = re.findall(
        r"^```\{eval-rst\}\n(.*?)^```",
        (DOCS / f"api/{page}.md").read_text(encoding="utf-8"),
        flags=re.DOTALL | re.MULTILINE,
    )
    names = [line.strip() for block in blocks for line in block.splitlines() if re.fullmatch(r"   \w+", line)]
    assert sorted(names) == sorted(set(module.__all__) - {"__version__"})
    assert all(f".. currentmodule:: {module.__name__}\n" in block for block in blocks)


def test_parts_of_a_solver_exist():
    names = re.findall(r"^   ~([\w.]+)$", (DOCS / "api/parts.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(names) > 10
    for name in names:
        module, _, attribute = name.rpartition(".")
        assert attribute in importlib.import_module(module).__all__


def test_every_page_is_in_the_navigation():
    """Sphinx warns of pages that no table of contents holds; this finds them without a build."""
    entries = {
        (page.parent / entry).resolve()
        for page in DOCS.rglob("index.md")
        for entry in re.findall(r"^[\w./]+$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    pages = [
        page
        for page in [*DOCS.glob("*.md"), *DOCS.glob("guide/*.md"), *DOCS.glob("theory/*.md")]
        if page.stem != "index"
    ]
    assert [str(page.relative_to(ROOT)) for page in pages if page.with_suffix("") not in entries] == []


def test_link_names_knows_names_from_words(monkeypatch):
    """A bare word is a command, a key or a parameter; a name with an underscore, a capital or a package is a link."""
    pytest.importorskip("sphinx", reason="the extra docs is not installed")
    monkeypatch.syspath_prepend(str(DOCS / "_extensions"))
    full_name = importlib.import_module("link_names").full_name
    assert full_name("solve_cf") == full_name("hybridmatte.solve_cf(image, trimap)") == "hybridmatte.solve_cf"
    assert full_name("losses.ddc_loss") == "hybridmatte.losses.ddc_loss"
    assert full_name("matte") is None
    assert full_name("matte", is_docstring=True) == full_name("hybridmatte.matte") == "hybridmatte.matte"
    assert full_name("no_such_name") is None
    assert full_name("GraphSystem") == "hybridmatte.systems.graph.GraphSystem"


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example, tmp_path):
    pytest.importorskip("matplotlib", reason="the extra docs is not installed")
    environment = {**os.environ, "MPLBACKEND": "agg"}
    run = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        cwd=tmp_path,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert list(tmp_path.iterdir()) == []


def test_there_are_examples_of_three_levels():
    assert {path.parent.name for path in EXAMPLES} == {"one_call", "compare", "rebuild"}
    assert 6 <= len(EXAMPLES) <= 8
