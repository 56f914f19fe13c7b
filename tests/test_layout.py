"""The package's layout: rooms import upward only, importing stays light, public names and signatures are recorded.

`python -m tests.test_layout` writes the record of the public names, tests/public_api.json, again.
"""

import ast
import importlib
import inspect
import json
import subprocess
import sys
import typing
import warnings
from pathlib import Path

import pytest

import hybridmatte

PACKAGE = Path(hybridmatte.__file__).parent
RECORD = Path(__file__).parent / "public_api.json"
ROOMS = (
    "_lazy",
    "_locks",
    "errors",
    "_validation",
    "io",
    "linalg",
    "trimap",
    "_validation_torch",
    "similarity",
    "systems",
    "methods",
    "correction",
    "losses",
    "foreground",
    "linear_light",
    "metrics",
    "temporal_metrics",
    "comparison",
    "memory",
    "networks",
    "automatic",
    "video",
    "testing",
    "batch",
    "data",
    "training",
    "server",
    "cli",
    "__main__",
)
HEAVY = {"torch", "numba", "scipy", "cv2", "pymatting", "sklearn", "PIL", "tifffile"}
TORCH_FILES = ("_validation_torch.py", "differentiable.py", "crops.py")  # import torch on top, as do
TORCH_ROOMS = ("losses", "networks", "training")  # and *_torch.py and *_triton.py
TORCH_ENDS = ("_torch", "_triton")
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


def imports_of_package(node):
    return [name for name in imports(node) if name.split(".")[0] == "hybridmatte"]


def room_of(name):
    """Return the room of a dotted name of hybridmatte; a lazy public name is in the room of its module."""
    parts = name.split(".")
    inside = hybridmatte._MODULE_OF.get(parts[1], parts[1]) if len(parts) == 2 else parts[1]
    return _room(inside.split(".")[0])


def _room(part):
    """Return a package or module name; kernels `_x_numba` lie in the room of x."""
    part = part.removesuffix(".py")
    return part.removesuffix("_numba").lstrip("_") if part.endswith("_numba") else part


def is_torch_side(module):
    return module.name in TORCH_FILES or module.parts[0] in TORCH_ROOMS or module.stem.endswith(TORCH_ENDS)


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
    allowed = {*ROOMS[: ROOMS.index(own) + 1], "__version__"}
    assert {room_of(name) for name in imports_of_package(parse(module))} <= allowed
    assert not {"tests", "baselines", "experiments"} & {name.split(".")[0] for name in imports(parse(module))}


@pytest.mark.parametrize("module", [module for module in MODULES if module.parts[0] != "cli"], ids=str)
def test_imports_stand_at_the_top(module):
    """Inside functions, only what needs torch is imported: the torch twins, and networks for those who have them."""
    for function in ast.walk(parse(module)):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names = imports_of_package(function)
            names = [name for name in names if not any(end in name for end in TORCH_ENDS)]
            assert not [name for name in names if room_of(name) not in TORCH_ROOMS], names


@pytest.mark.parametrize("module", [module for module in MODULES if not is_torch_side(module)], ids=str)
def test_torch_is_imported_on_the_torch_side_only(module):
    top = [node for node in parse(module).body if isinstance(node, (ast.Import, ast.ImportFrom, ast.Try))]
    names = [name for node in top for name in imports(node)]
    assert not {"torch", "triton"} & {name.split(".")[0] for name in names}
    assert not [name for name in names if name.rpartition(".")[0].endswith(TORCH_ENDS)]


@pytest.mark.parametrize("module", ["hybridmatte", "hybridmatte.cli", "hybridmatte.batch.pool"])
def test_import_is_light_and_silent(module):
    code = f"import sys, {module}; print(*sorted(sys.modules))"
    command = [sys.executable, "-W", "error", "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert run.stderr == ""
    assert module in loaded
    assert not HEAVY & loaded


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_sizes(module):
    """Modules under 400 lines; function bodies without docstring under 40 lines, kernels under 60."""
    is_kernel = module.stem.endswith(("_numba", "_triton"))
    text, limit = (PACKAGE / module).read_text(encoding="utf-8"), 60 if is_kernel else 40
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


def test_the_stub_names_what_the_package_loads():
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    named = {name.rsplit(".", 1)[1]: name.rsplit(".", 1)[0].removeprefix("hybridmatte.") for name in imports(stub)}
    assert named == hybridmatte._MODULE_OF


@pytest.mark.parametrize(("old", "new"), sorted(hybridmatte._RENAMED.items()))
def test_renamed_names_warn_and_lead_to_the_new_ones(old, new):
    with pytest.warns(DeprecationWarning, match=f"hybridmatte.{old} is deprecated, use hybridmatte.{new}"):
        assert getattr(hybridmatte, old) is getattr(hybridmatte, new)
    assert old not in dir(hybridmatte)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="typing.get_overloads needs Python 3.11")
@pytest.mark.parametrize(
    "package",
    [
        "hybridmatte",
        "hybridmatte.losses",
        "hybridmatte.networks",
        "hybridmatte.data",
        "hybridmatte.training",
        "hybridmatte.server",
    ],
)
def test_public_signatures_are_annotated(package):
    """Solvers with overloads for arrays and tensors are annotated in the overloads; pyright reads those."""
    module = importlib.import_module(package)
    for name in module.__all__:
        value = getattr(module, name)
        if not inspect.isfunction(value) or typing.get_overloads(value):
            continue
        call = inspect.signature(value)
        missing = [one.name for one in call.parameters.values() if one.annotation is inspect.Parameter.empty]
        assert not missing, f"{name} lacks annotations of {missing}"
        assert call.return_annotation is not inspect.Signature.empty, f"{name} lacks the annotation of its result"


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
    with warnings.catch_warnings():
        RECORD.write_text(json.dumps(public_api(), indent=1) + "\n", encoding="utf-8")
