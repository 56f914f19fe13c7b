"""The page's modules without a browser: their own tests, their types, and the rules of the house."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hybridmatte.io.formats import INPUT_EXTENSIONS

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "hybridmatte" / "server" / "page"
MODULES = sorted(PAGE.glob("*.js"))
FUNCTION = re.compile(r"^( *)(?:export )?(?:static )?(?:async )?(?:get )?(?:function )?\w+\(.*\) \{$")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_modules():
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    run("node", "--test", str(HERE / "modules.test.mjs"))


def test_types():
    """The JSDoc types are checked as TypeScript checks its own."""
    if shutil.which("tsc") is None:
        pytest.skip("TypeScript is not installed: npm install --global typescript")
    run("tsc", "--project", str(HERE / "tsconfig.json"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_sizes(module):
    """A module is under 400 lines, a function under 40."""
    lines = module.read_text().splitlines()
    assert len(lines) < 400
    for number, line in enumerate(lines):
        if (found := FUNCTION.match(line)) and not line.strip().startswith(("if ", "for ", "while ")):
            end = next(i for i in range(number, len(lines)) if lines[i] == found[1] + "}")
            assert end - number <= 40, f"{module.name}:{number + 1}"


def test_nothing_from_elsewhere():
    """Fonts, scripts and pictures all come from the package."""
    for file in PAGE.iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"(https?:)?//[a-z0-9-]+\.", re.sub(r"^\s*//.*| // .*", "", text, flags=re.M)), file.name
        assert "@import" not in text
        assert " style=" not in text, "the service forbids styles in attributes"


def test_what_the_page_names_is_there():
    """Each id, command and icon that is used exists."""
    html = (PAGE / "index.html").read_text()
    code = "\n".join(module.read_text() for module in MODULES)
    ids = re.findall(r'\bid="([\w-]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"element\('([\w-]+)'\)", code)) <= set(ids)
    assert set(re.findall(r'href="#([\w-]+)"', html)) <= set(ids)
    assert set(re.findall(r'src="/page/([\w.-]+)"|href="/page/([\w.-]+)"', html)) >= {("app.js", "")}
    for source, link in re.findall(r'src="/page/([\w.-]+)"|href="/page/([\w.-]+)"', html):
        assert (PAGE / (source or link)).is_file()


def test_files_that_can_be_chosen():
    """The page offered formats that nothing reads, and left out one that is read: it offers those of the library."""
    accepted = re.findall(r'accept="([^"]*)"', (PAGE / "index.html").read_text())
    assert len(accepted) == 3
    assert all(set(one.split(",")) == {"image/*", *INPUT_EXTENSIONS} for one in accepted)


def test_all_modules_are_loaded_at_once():
    """The browser need not read one module to learn of the next."""
    html = (PAGE / "index.html").read_text()
    listed = re.findall(r'<link rel="modulepreload" href="/page/([\w.-]+)">', html)
    in_worker = {"codec_worker.js", "png.js"}
    assert sorted(listed) == sorted({module.name for module in MODULES} - in_worker - {"app.js"})
