"""What the wheel says of its licences: MIT for the code, and which weights are for research use."""

import re
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from hybridmatte.correction.weights import CORRECTION, RESEARCH_ONLY, WEIGHTS

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
LICENCE = ROOT / "hybridmatte" / "weights" / "LICENSE-research.md"
EXPRESSION = "MIT AND LicenseRef-hybridmatte-research-weights"
FOR_RESEARCH = (CORRECTION["research"], *RESEARCH_ONLY)


def card(name):
    return (WEIGHTS[name] / "README.md").read_text(encoding="utf-8")


def test_the_project_names_both_licences_and_their_texts():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == EXPRESSION
    assert project["license-files"] == ["LICENSE", str(LICENCE.relative_to(ROOT))]
    assert all((ROOT / name).is_file() for name in project["license-files"])


def test_the_licence_says_what_each_folder_may_be_used_for():
    """Every folder of weights has a row; the identifier is that of the expression."""
    text = LICENCE.read_text(encoding="utf-8")
    assert f"`{EXPRESSION.split()[-1]}`" in text
    kinds = dict(re.findall(r"^\| `(\w+)` \| .* \| (research|free) \| .* \|$", text, re.MULTILINE))
    assert kinds == {name: "research" if name in FOR_RESEARCH else "free" for name in WEIGHTS}
    assert 'weights="free"' in text
    assert "--weights free" in text


@pytest.mark.parametrize("name", FOR_RESEARCH)
def test_cards_of_research_weights_say_so(name):
    assert "license_name: research-use" in card(name)
    assert "research use" in card(name).replace("\n", " ")


@pytest.mark.parametrize("number", ["1,205", "765", "190", "260", "188", "438", "2,420"])
def test_the_licence_counts_as_the_cards_do(number):
    """The numbers of photographs are those of the cards."""
    assert number in LICENCE.read_text(encoding="utf-8")
    assert any(number in card(name) for name in FOR_RESEARCH)


@pytest.mark.slow
def test_metadata_of_the_wheel(tmp_path, monkeypatch):
    """The wheel states the expression, and holds both texts and all weights."""
    build = pytest.importorskip("hatchling.build", reason="the build backend is not installed")
    monkeypatch.chdir(ROOT)
    with zipfile.ZipFile(tmp_path / build.build_wheel(str(tmp_path))) as wheel:
        names = wheel.namelist()
        [path] = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(wheel.read(path).decode())
        folder = path.removesuffix("METADATA")
        texts = [wheel.read(f"{folder}licenses/{name}") for name in metadata.get_all("License-File")]
    assert metadata["License-Expression"] == EXPRESSION
    assert texts == [(ROOT / "LICENSE").read_bytes(), LICENCE.read_bytes()]
    for name in WEIGHTS:
        assert {Path(path).name for path in names if path.startswith(f"hybridmatte/weights/{name}/")} == {
            path.name for path in WEIGHTS[name].iterdir()
        }
