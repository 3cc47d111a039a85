"""The rules by which the source is laid out, held by walking its syntax trees."""

import ast
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

import pytest

import cfgrl

ROOT = pathlib.Path(__file__).parents[1]
CORE = ROOT / "core" / "cfgrl"
PLUGINS = ROOT / "plugins" / "cfgrl_plugins"
SOURCES = sorted([*CORE.rglob("*.py"), *PLUGINS.rglob("*.py")])
FAMILIES = ("labelers", "policies", "guidance", "networks", "datasets")

#: Later layers may import earlier ones, and modules of one layer none of each other.
NUMERICS = (
    {"_types"},
    {"_data", "_label"},
    {"_view", "_place"},
    {"_labeler", "_policy", "_network"},
    {"_guidance", "_optimizer", "_frozen"},
    {"_stage"},
    {"_over_seeds"},
    {"_train", "_act"},
    {"_controller"},
    {"evaluation"},
)
#: Discovery, the registry and the building of components from tables.
PLUGIN_LAYER = {"_hookspecs", "_component", "config", "runs", "sweeps", "cli"}
#: What numerics may use beside each other: sentences, checks and plain records that import nothing of the plugin layer.
LEAVES = {
    "_errors",
    "_bound",
    "_check",
    "_capability",
    "_settings",
    "_dataset",
    "_transitions",
    "_streamed",
    "_room",
    "nn",
}

MAX_LINES = 230
MAX_FUNCTION = 45


class Import(NamedTuple):
    module: str
    names: tuple[str, ...]
    line: int


def imports(path: pathlib.Path, *, run_time_only: bool = False) -> list[Import]:
    return list(_imports(ast.parse(path.read_text()), _package(path), run_time_only))


def _package(path: pathlib.Path) -> list[str]:
    root = CORE.parent if path.is_relative_to(CORE) else PLUGINS.parent
    return list(path.relative_to(root).parts[:-1])


def _imports(tree: ast.AST, package: list[str], run_time_only: bool) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if run_time_only and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, (), node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield Import(module, tuple(alias.name for alias in node.names), node.lineno)
        else:
            yield from _imports(node, package, run_time_only)


def modules_of_core(path: pathlib.Path, *, run_time_only: bool = False) -> set[str]:
    """First components below `cfgrl` that a file imports: `_data`, `nn`, ..."""
    found = set()
    for item in imports(path, run_time_only=run_time_only):
        if item.module == "cfgrl":
            found |= set(item.names)
        elif item.module.startswith("cfgrl."):
            found.add(item.module.split(".")[1])
    return found


def files_of(module: str) -> list[pathlib.Path]:
    """The file of a module, or all files of a package."""
    folder = CORE / module
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [CORE / f"{module}.py"]


def where(path: pathlib.Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def test_there_is_something_to_walk() -> None:
    assert len(SOURCES) > 30
    assert modules_of_core(CORE / "_stage.py") >= {"_data", "_view", "_labeler", "_policy", "_guidance"}


def test_core_never_imports_the_built_in_plugins() -> None:
    wrong = [
        where(path, item.line)
        for path in CORE.rglob("*.py")
        for item in imports(path)
        if item.module.split(".")[0] == "cfgrl_plugins"
    ]
    assert not wrong


def test_plugins_import_public_names_only() -> None:
    public = {"cfgrl": set(cfgrl.__all__) | {"nn", "testing"}}
    wrong = []
    for path in PLUGINS.rglob("*.py"):
        for item in imports(path):
            if item.module.split(".")[0] != "cfgrl":
                continue
            private = any(part.startswith("_") for part in (*item.module.split("."), *item.names))
            unknown = set(item.names) - public.get(item.module, set(item.names))
            if private or unknown:
                wrong.append(f"{where(path, item.line)}: {item.module} {item.names}")
    assert not wrong


def test_families_never_import_one_another() -> None:
    wrong = []
    for path in PLUGINS.rglob("*.py"):
        family = path.relative_to(PLUGINS).parts[0]
        for item in imports(path):
            parts = item.module.split(".")
            if parts[0] == "cfgrl_plugins" and (len(parts) == 1 or parts[1] != family):
                wrong.append(f"{where(path, item.line)}: {item.module}")
    assert not wrong


@pytest.mark.parametrize("position", range(len(NUMERICS)))
def test_numerics_import_one_way(position: int) -> None:
    allowed = set.union(LEAVES, *NUMERICS[:position])
    for module in NUMERICS[position]:
        found = set().union(*(modules_of_core(path, run_time_only=True) for path in files_of(module)))
        assert found <= allowed | {module}, f"{module} imports {sorted(found - allowed)}"


def test_numerics_never_reach_the_plugin_layer() -> None:
    reached: set[str] = set()
    waiting = set.union(*NUMERICS)
    while waiting:
        module = waiting.pop()
        reached.add(module)
        files = files_of(module)
        found = set().union(*(modules_of_core(file, run_time_only=True) for file in files))
        waiting |= found - reached
    assert not reached & PLUGIN_LAYER


@pytest.mark.parametrize("family", FAMILIES)
def test_hook_modules_import_nothing_heavy(family: str) -> None:
    heavy = {"jax", "equinox", "ogbench", "numpy"}
    code = f"import sys, cfgrl_plugins.{family}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_are_short(path: pathlib.Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno is not None
            lines = node.end_lineno - node.body[0].lineno + 1
            assert lines <= MAX_FUNCTION, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_is_unpickled(path: pathlib.Path) -> None:
    for item in imports(path):
        assert item.module.split(".")[0] not in {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False
        if isinstance(node, ast.Call):
            assert called(node) not in {"eval", "exec", "compile", "yaml.load"}, where(path, node.lineno)
            if called(node) in {
                "np.load",
                "numpy.load",
                "jnp.load",
            }:  # where it is not said, another version may say yes
                assert any(keyword.arg == "allow_pickle" for keyword in node.keywords), where(path, node.lineno)


def called(node: ast.Call) -> str:
    return ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ""
