"""The package's layout: rooms import upward only, importing stays light, public names and signatures are recorded.

`python -m tests.test_layout` writes the record, tests/public_api.json, again.
"""

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import hybridmatte

PACKAGE = Path(hybridmatte.__file__).parent
RECORD = Path(__file__).parent / "public_api.json"
ROOMS = ("_lazy", "errors", "_validation", "io", "trimap", "_validation_torch", "similarity", "linalg", "systems",
         "methods", "correction", "losses", "foreground", "compilation", "metrics", "comparison", "networks",
         "automatic", "batch", "data", "training", "cli", "__main__")
HEAVY = {"torch", "numba", "scipy", "pymatting", "sklearn", "cv2", "pyamg"}
TORCH_SIDE = ("_validation_torch.py", "differentiable.py", "crops.py")  # imported only once torch is wanted, as are
TORCH_ROOMS = ("losses", "networks", "training")  # and *_torch.py
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def parse(module):
    return ast.parse((PACKAGE / module).read_text(encoding="utf-8"))


def imports(node):
    """Return the dotted names that `import a.b` and `from a import b` statements under a node load."""
    names = []
    for child in ast.walk(node):
        if isinstance(child, ast.Import):
            names += [alias.name for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, "relative import"
            names += [f"{child.module}.{alias.name}" for alias in child.names]
    return names


def room_of(name):
    """Return the room a dotted name of hybridmatte lies in; a lazy public name lies in its module's."""
    parts = name.split(".")
    inside = hybridmatte._MODULE_OF.get(parts[1], parts[1]) if len(parts) == 2 else parts[1]
    return _room(inside.split(".")[0])


def _room(part):
    """Return a package or module name; kernels `_x_numba` lie in the room of x."""
    return part.removesuffix(".py").removesuffix("_numba").lstrip("_") if "_numba" in part else part.removesuffix(".py")


def signature(name):
    """Return a public object's signature, the base of an error, or the kind of a constant."""
    value = getattr(hybridmatte, name)
    if isinstance(value, type) and issubclass(value, Exception):
        return value.__base__.__name__
    return str(inspect.signature(value)) if callable(value) else type(value).__name__


def public_api():
    return {name: signature(name) for name in sorted(hybridmatte.__all__)}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_rooms_import_upward_only(module):
    own = _room(module.parts[0])
    assert own in ROOMS, f"{own} is a new room, expected one of {ROOMS}"
    allowed = {*ROOMS[:ROOMS.index(own) + 1], "__version__"}
    names = [name for name in imports(parse(module)) if name.split(".")[0] == "hybridmatte"]
    assert {room_of(name) for name in names} <= allowed
    assert not {"tests", "baselines", "experiments"} & {name.split(".")[0] for name in imports(parse(module))}


@pytest.mark.parametrize("module", [module for module in MODULES if not module.stem.endswith("_numba")], ids=str)
def test_heavy_packages_are_imported_inside_functions(module):
    kinds = (ast.Import, ast.ImportFrom, ast.If, ast.Try)
    names = [name for node in parse(module).body if isinstance(node, kinds) for name in imports(node)]
    is_torch_side = module.name in TORCH_SIDE or module.parts[0] in TORCH_ROOMS or module.stem.endswith("_torch")
    assert not (HEAVY - ({"torch"} if is_torch_side else set())) & {name.split(".")[0] for name in names}
    assert not [name for name in names if "_numba" in name], "kernels are imported where they are called"


def test_import_is_light_and_silent():
    code = "import sys, hybridmatte; print(*sorted(sys.modules))"
    command = [sys.executable, "-W", "error", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert run.stderr == ""
    assert "hybridmatte" in loaded
    assert not {"torch", "numba", "scipy.sparse", "cv2", "pymatting", "sklearn"} & loaded


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_sizes(module):
    """Modules under 400 lines; function bodies without docstring under 40 lines, Numba kernels under 60."""
    text, limit = (PACKAGE / module).read_text(encoding="utf-8"), 60 if module.stem.endswith("_numba") else 40
    assert text.count("\n") < 400
    for node in ast.walk(parse(module)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            assert node.end_lineno - first.lineno + 1 < limit, f"{node.name} is too long, expected under {limit} lines"


@pytest.mark.parametrize("name", sorted(hybridmatte._MODULE_OF))
def test_lazy_names_lead_to_documented_objects(name):
    value = getattr(hybridmatte, name)
    assert name in dir(hybridmatte)
    if callable(value):
        assert value.__module__ == f"hybridmatte.{hybridmatte._MODULE_OF[name]}"
        assert value.__doc__


def test_unknown_name():
    with pytest.raises(AttributeError, match="module 'hybridmatte' has no attribute 'solve_magic'"):
        hybridmatte.solve_magic  # noqa: B018


def test_public_names_and_signatures_are_the_recorded_ones():
    """A removal or change needs a minor version of DeprecationWarning first, then an edit of the record."""
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    present = public_api()
    assert {name: present.get(name) for name in recorded} == recorded
    assert sorted(set(present) - set(recorded)) == [], "new names: run `python -m tests.test_layout`"


if __name__ == "__main__":
    RECORD.write_text(json.dumps(public_api(), indent=1) + "\n", encoding="utf-8")
