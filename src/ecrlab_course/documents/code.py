"""The Python beside a document (eN.py, and the lesson's state.py), read as far as the document must agree with it."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from ecrlab_course.documents.sections import Fault


def package_of(folder: Path) -> str:
    """Make a lesson's folder a package, so that e1.py may say `from .state import ...`; return its name.

    What an earlier call loaded of a folder of that name is forgotten.
    """
    name = f"ecrlab_{folder.parent.name}_{folder.name}"
    for loaded in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
        del sys.modules[loaded]
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    sys.modules[name] = package
    importlib.invalidate_caches()
    return name


def module_of(package: str, path: Path) -> ModuleType | None:
    """Return the module of a lesson's package; None when there is no such file."""
    return importlib.import_module(f"{package}.{path.stem}") if path.is_file() else None


class Code:
    """What a document's Python declares. `path` is eN.py, also where there is none."""

    def __init__(self, path: Path, module: ModuleType | None, state: ModuleType | None) -> None:
        self.path = path
        self.module = module
        self._state = state

    def __bool__(self) -> bool:
        return self.module is not None

    def get(self, name: str, default: Any = None) -> Any:
        """Return what eN.py calls by that name."""
        return getattr(self.module, name, default)

    def function(self, name: str) -> Callable[..., Any] | None:
        """Return the function of that name in eN.py, else in state.py; None when neither has one."""
        for module in (self.module, self._state):
            found = getattr(module, name, None)
            if callable(found):
                return found  # type: ignore[no-any-return]
        return None

    @cached_property
    def _tree(self) -> ast.Module:
        return _parsed(self.path.read_text(encoding="utf-8")) if self.module else ast.Module([], [])

    def line(self, name: str) -> int:
        """Return the line in which eN.py says what the name is; 1 when it does not."""
        for node in self._tree.body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            names = [each.id for each in targets if isinstance(each, ast.Name)]
            if getattr(node, "name", None) == name or name in names:
                return node.lineno
        return 1

    # What a judge may say --------------------------------------------------------------------------------------------

    def returned(self, faults: list[Fault]) -> dict[str, int]:
        """Return each name that `judge` returns with its line; add a fault where a return cannot be read."""
        found: dict[str, int] = {}
        for node in self._returns("judge", set()):
            for value in _values(node):
                if isinstance(value, ast.Constant) and isinstance(value.value, str):
                    found.setdefault(value.value, value.lineno)
                elif not (isinstance(value, ast.Call) and self._function(value)):
                    words = f"judge returns {ast.unparse(value)}; the name of a verdict is wanted, written out"
                    faults.append(Fault(self.path, value.lineno, words))
        return {name: line for name, line in found.items() if name}

    def _function(self, call: ast.Call) -> ast.FunctionDef | None:
        named = call.func.id if isinstance(call.func, ast.Name) else ""
        return next(
            (each for each in self._tree.body if isinstance(each, ast.FunctionDef) and each.name == named), None
        )

    def _returns(self, name: str, done: set[str]) -> Iterator[ast.expr]:
        """Yield what the function returns, and what the functions of this file return that it hands on."""
        done.add(name)
        function = next((each for each in self._tree.body if getattr(each, "name", "") == name), None)
        for node in ast.walk(function) if function else ():
            if isinstance(node, ast.Return) and node.value is not None:
                yield node.value
                for value in _values(node.value):
                    other = self._function(value) if isinstance(value, ast.Call) else None
                    if other and other.name not in done:
                        yield from self._returns(other.name, done)

    def sentences(self) -> dict[str, int]:
        """Return the names in each Sentence("name") of eN.py with their lines."""
        return {
            each.value: each.lineno
            for node in ast.walk(self._tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Sentence"
            for each in ast.walk(node)
            if isinstance(each, ast.Constant) and isinstance(each.value, str)
        }


@lru_cache(maxsize=256)
def _parsed(text: str) -> ast.Module:
    """Return the tree of a file's text, which nobody changes: all kinds of exercises share a few classes."""
    return ast.parse(text)


def _values(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what an expression may be: both branches of a condition, each of an `or`."""
    if isinstance(node, ast.IfExp):
        yield from _values(node.body)
        yield from _values(node.orelse)
    elif isinstance(node, ast.BoolOp):
        for each in node.values:
            yield from _values(each)
    else:
        yield node


def fields_of(seen: type) -> set[str]:
    """Return the names that a document may use of what was seen: attributes set in the class, and properties."""
    found: set[str] = set()
    for kind in inspect.getmro(seen):
        source = getattr(sys.modules.get(kind.__module__), "__file__", None)
        if kind is object or not source:
            continue
        tree = _parsed(Path(source).read_text(encoding="utf-8"))
        for declared in (each for each in tree.body if isinstance(each, ast.ClassDef) and each.name == kind.__name__):
            for node in ast.walk(declared):
                if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node.value):
                    found.add(node.attr)
                elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node in declared.body:
                    found.add(node.target.id)
                elif isinstance(node, ast.FunctionDef) and node.decorator_list:
                    found.add(node.name)
    return found


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def tries_of(code: Code) -> Mapping[str, Any]:
    """Return TRIES of eN.py: the tries by the name that they must get."""
    found = code.get("TRIES", {})
    return found if isinstance(found, Mapping) else {}
