"""The stub of `hybridmatte.data` shows type checkers the names that the package loads on first use."""

import ast
import inspect
from pathlib import Path

from hybridmatte import data


def test_stub_imports_every_lazy_name_from_its_module():
    stub = ast.parse(Path(inspect.getfile(data)).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = {
        alias.name: node.module.removeprefix("hybridmatte.data.")
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imports == data._MODULE_OF
    (names,) = (ast.literal_eval(node.value) for node in stub.body if isinstance(node, ast.Assign))
    assert names == data.__all__


def test_every_name_is_documented():
    for name in data.__all__:
        value = getattr(data, name)
        assert not callable(value) or value.__doc__, name
