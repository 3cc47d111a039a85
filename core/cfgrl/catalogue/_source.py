"""Reads classes from source text, without importing the module: jax takes seconds, `cfgrl show` should not.

Finds the file of a module through its package's search path, the class in its syntax tree (following re-exports and
base classes into other files), and the annotated fields that a dataclass or `equinox.Module` would take.
"""

import ast
import functools
import importlib.machinery
import importlib.util
import pathlib
from collections.abc import Iterator
from typing import Any, NamedTuple

#: Bases that have no fields of their own.
_ROOTS = {"Module", "object", "ABC", "Generic", "Protocol"}
_NOT_FIELDS = ("ClassVar", "AbstractClassVar", "AbstractVar", "InitVar")


class ClassSource(NamedTuple):
    """A class definition and the module that it stands in."""

    module: str
    file: pathlib.Path
    node: ast.ClassDef


def find_module(module: str) -> pathlib.Path | None:
    """The source file of a module, found without importing it or its packages."""
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
        for depth in range(len(rest)):
            if spec is None or spec.submodule_search_locations is None:
                return None
            name = ".".join([top, *rest[: depth + 1]])
            spec = importlib.machinery.PathFinder.find_spec(name, list(spec.submodule_search_locations))
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    return pathlib.Path(spec.origin)


@functools.lru_cache(maxsize=256)
def _parse(file: pathlib.Path) -> ast.Module | None:
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None


def declared_api(module: str) -> Any:
    """The literal that `cfgrl_api` is given in a module's source; `None` if there is none, or no source.

    Read before the module is imported: one that is written for another version may not import at all.
    """
    file = find_module(module)
    tree = _parse(file) if file else None
    for node in tree.body if tree else []:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["cfgrl_api"]:
            return node.value.value if isinstance(node.value, ast.Constant) else None
    return None


def find_class(target: str, depth: int = 8) -> ClassSource | None:
    """The definition of `"package.module:Class"`, through re-exports (also those that only a stub lists)."""
    module, _, name = target.partition(":")
    file = find_module(module)
    if file is None or depth == 0:
        return None
    for candidate in (file, file.with_suffix(".pyi")):
        tree = _parse(candidate) if candidate.exists() else None
        for node in tree.body if tree else []:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return ClassSource(module, candidate, node)
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if (alias.asname or alias.name) == name:
                        return find_class(f"{_absolute(node, module, file)}:{alias.name}", depth - 1)
    return None


def find_named(module: str, name: ast.expr) -> ClassSource | None:
    """The class that `MLP` or `nn.MLP` means in the source of a module."""
    if isinstance(name, ast.Name):
        return find_class(f"{module}:{name.id}")
    file = find_module(module)
    if file is None or not isinstance(name, ast.Attribute) or not isinstance(name.value, ast.Name):
        return None
    tree = _parse(file)
    for node in tree.body if tree else []:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if (alias.asname or alias.name) == name.value.id:
                    return find_class(f"{_absolute(node, module, file)}.{alias.name}:{name.attr}")
    return None


def _absolute(node: ast.ImportFrom, module: str, file: pathlib.Path) -> str:
    """The module that `from … import` names, seen from `module`."""
    if not node.level:
        return node.module or ""
    package = module.split(".")
    package = package[: len(package) - node.level + (file.stem == "__init__")]
    return ".".join([*package, *([node.module] if node.module else [])])


def with_bases(source: ClassSource, depth: int = 8) -> list[ClassSource] | None:
    """The class and its bases, bases first; `None` if one cannot be read."""
    chain: list[ClassSource] = []
    if depth == 0 or any(_name(decorator) != "dataclass" for decorator in source.node.decorator_list):
        return None
    for base in source.node.bases:
        name = _name(base)
        if name in _ROOTS:
            continue
        found = find_class(f"{source.module}:{name}") if isinstance(base, ast.Name) else None
        inherited = with_bases(found, depth - 1) if found else None
        if inherited is None:
            return None
        chain.extend(c for c in inherited if c not in chain)
    return [*chain, source]


def annotated_fields(source: ClassSource) -> Iterator[ast.AnnAssign]:
    """The fields that this class itself adds."""
    for node in source.node.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            outer = node.annotation.value if isinstance(node.annotation, ast.Subscript) else node.annotation
            if _name(outer) not in _NOT_FIELDS:
                yield node


def has_own_init(source: ClassSource) -> bool:
    """Whether the class writes its own `__init__`, so that its fields are not its arguments."""
    return any(isinstance(node, ast.FunctionDef) and node.name == "__init__" for node in source.node.body)


def _name(node: ast.expr) -> str:
    """The last part of a name: `eqx.Module`, `dataclasses.dataclass(frozen=True)`, `Generic[T]`."""
    while isinstance(node, ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
