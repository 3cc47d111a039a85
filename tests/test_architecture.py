"""The rules by which the source is laid out, held by walking its syntax trees. Each file is parsed once."""

import ast
import functools
import pathlib
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import NamedTuple

import cfgrl

ROOT = pathlib.Path(__file__).parents[1]
CORE = ROOT / "core" / "cfgrl"
PLUGINS = ROOT / "plugins" / "cfgrl_plugins"

#: Each module of the root and each package may import those above it and nothing below: imports inside functions,
#: imports for type checkers, names taken from `cfgrl` itself and modules named by a string included.
ORDER = (
    "_errors",
    "_capability",
    "_values",
    "_types",
    "files",
    "data",
    "_label",
    "_labeler",
    "_network",
    "nn",
    "_policy",
    "_guidance",
    "_optimizer",
    "_frozen",
    "_stage",
    "_update",
    "_over_seeds",
    "_train",
    "_act",
    "acting",
    "evaluation",
    "catalogue",
    "config",
    "records",
    "runs",
    "sweeps",
    "report",
    "testing",
    "plugin",
    "doctor",
    "cli",
    "__main__",
)
#: What compiles and computes: it knows no plugins, no registry files and no run directories.
NUMERICS = ORDER[: ORDER.index("catalogue")]
#: Commands that only read or list must not wait for jax: importing these imports none.
WITHOUT_JAX = (
    "_errors",
    "_capability",
    "_values",
    "files",
    "catalogue",
    "config",
    "records",
    "sweeps",
    "report",
    "cli",
    "doctor",
)
#: Where a module is imported by a name that is not written in the file, and what it may be.
BY_STRING = {
    "catalogue/_component.py": "the class that a plugin's component names",
    "cli/_main.py": "the commands, cfgrl.cli._NAME",
    "runs/_tracker.py": "packages other than cfgrl",
}
MAX_LINES, MAX_FUNCTION, MAX_MEDIAN_FUNCTION = 260, 45, 8


class Import(NamedTuple):
    """One import: the module, the names taken from it, the line, and whether importing the file runs it."""

    module: str
    names: tuple[str, ...]
    line: int
    at_import: bool


class Source(NamedTuple):
    path: pathlib.Path
    text: str
    tree: ast.Module
    imports: tuple[Import, ...]


@functools.cache
def sources() -> tuple[Source, ...]:
    return tuple(_source(path) for folder in (CORE, PLUGINS) for path in sorted(folder.rglob("*.py")))


def _source(path: pathlib.Path) -> Source:
    text = path.read_text()
    tree = ast.parse(text)
    package = list(path.relative_to((CORE if path.is_relative_to(CORE) else PLUGINS).parent).parts[:-1])
    return Source(path, text, tree, tuple(_imports(tree, package, at_import=True)))


def _imports(tree: ast.AST, package: list[str], *, at_import: bool) -> Iterator[Import]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, (), node.lineno, at_import) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield Import(module, tuple(alias.name for alias in node.names), node.lineno, at_import)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.fullmatch(r"cfgrl(\.\w+)+(:\w+)?", node.value):
                yield Import(node.value.partition(":")[0], (), node.lineno, False)
        else:
            checking = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            lazy = checking or isinstance(node, ast.FunctionDef)
            yield from _imports(node, package, at_import=at_import and not lazy)


def core() -> list[Source]:
    return [source for source in sources() if source.path.is_relative_to(CORE)]


def plugins() -> list[Source]:
    return [source for source in sources() if source.path.is_relative_to(PLUGINS)]


@functools.cache
def public() -> dict[str, str]:
    """The room that each public name of `cfgrl` comes from."""
    rooms = {}
    for node in ast.parse((CORE / "__init__.pyi").read_text()).body:
        assert isinstance(node, ast.ImportFrom)
        rooms |= {alias.name: str(node.module).split(".")[0] for alias in node.names}
    return rooms


def rooms_of(item: Import) -> set[str]:
    """The modules of the root and packages that one import reaches."""
    if item.module == "cfgrl":
        return {public().get(name, name) for name in item.names}
    return {item.module.split(".")[1]} if item.module.startswith("cfgrl.") else set()


def room_of(source: Source) -> str:
    return source.path.relative_to(CORE).parts[0].removesuffix(".py")


def where(source: Source, line: int) -> str:
    return f"{source.path.relative_to(ROOT)}:{line}"


def test_every_module_and_package_has_its_place() -> None:
    here = {path.name.removesuffix(".py") for path in CORE.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert here - {"__init__", "__pycache__"} == set(ORDER)
    assert len([path for path in CORE.glob("*.py") if path.name not in ("__main__.py", "__init__.py")]) <= 16


def test_imports_go_one_way() -> None:
    position = {room: number for number, room in enumerate(ORDER)}
    wrong = [
        f"{where(source, item.line)}: {room_of(source)} imports {room}"
        for source in core()
        if source.path != CORE / "__init__.py"
        for item in source.imports
        for room in rooms_of(item)
        if room not in position or position[room] > position[room_of(source)]
    ]
    assert not wrong


def test_modules_of_one_package_import_one_another_without_circles() -> None:
    edges: dict[str, set[str]] = {}
    for source in core():
        name = ".".join(source.path.relative_to(CORE.parent).with_suffix("").parts).removesuffix(".__init__")
        for item in source.imports:
            reached = [item.module, *(f"{item.module}.{name}" for name in item.names)]
            edges.setdefault(name, set()).update(module for module in reached if module != name)
    modules = set(edges)
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path[path.index(module) :], module])
        if module in done:
            return
        for reached in sorted(edges[module] & modules):
            # A package's table of contents lists its modules, and they import one another, not the table.
            if reached != module and not module.startswith(f"{reached}."):
                visit(reached, (*path, module))
        done.add(module)

    for module in sorted(modules):
        visit(module, ())


def test_a_module_imported_by_a_string_is_listed() -> None:
    found = {
        str(source.path.relative_to(CORE))
        for source in core()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and called(node).rpartition(".")[2] in ("import_module", "__import__")
    }
    assert found == set(BY_STRING)


def test_what_only_reads_and_lists_imports_no_jax() -> None:
    heavy = {"jax", "jaxlib", "equinox", "optax", "orbax", "jaxtyping"}
    reach: dict[str, set[str]] = {}
    for source in core():
        name = ".".join(source.path.relative_to(CORE.parent).with_suffix("").parts).removesuffix(".__init__")
        items = [item for item in source.imports if item.at_import]
        reach[name] = {item.module for item in items} | {f"{i.module}.{n}" for i in items for n in i.names}

    def imports_jax(module: str, seen: set[str]) -> bool:
        if module.split(".")[0] in heavy:
            return True
        new = reach.get(module, set()) - seen - {"cfgrl"}
        seen |= new
        return any(imports_jax(reached, seen) for reached in new)

    allowed = {"cfgrl.config._preset"}  # `cfgrl.from_preset`, for Python alone
    wrong = [m for m in reach if m.split(".")[1:2] and m.split(".")[1] in WITHOUT_JAX and imports_jax(m, {m})]
    assert set(wrong) == allowed


def test_numerics_know_no_plugins_and_no_files_of_runs() -> None:
    beyond = set(ORDER) - set(NUMERICS)
    wrong = [
        where(source, item.line)
        for source in core()
        if room_of(source) in NUMERICS
        for item in source.imports
        if rooms_of(item) & beyond
    ]
    assert not wrong


def test_core_never_imports_the_built_in_plugins() -> None:
    wrong = [
        where(source, item.line)
        for source in core()
        for item in source.imports
        if item.module.split(".")[0] == "cfgrl_plugins"
    ]
    assert not wrong


def test_plugins_import_public_names_only() -> None:
    known = {"cfgrl": set(cfgrl.__all__) | {"nn", "testing"}}
    wrong = []
    for source, item in ((s, i) for s in plugins() for i in s.imports if i.module.split(".")[0] == "cfgrl"):
        private = any(part.startswith("_") for part in (*item.module.split("."), *item.names))
        if private or set(item.names) - known.get(item.module, set(item.names)):
            wrong.append(f"{where(source, item.line)}: {item.module} {item.names}")
    assert not wrong


def test_families_never_import_one_another() -> None:
    wrong = []
    for source in plugins():
        family = source.path.relative_to(PLUGINS).parts[0]
        for item in source.imports:
            parts = item.module.split(".")
            if family != "__init__.py" and parts[0] == "cfgrl_plugins" and (len(parts) == 1 or parts[1] != family):
                wrong.append(f"{where(source, item.line)}: {item.module}")
    assert not wrong


def test_hook_modules_import_nothing_heavy() -> None:
    families = sorted(path.parent.name for path in PLUGINS.glob("*/__init__.py"))
    code = f"import sys; {'; '.join(f'import cfgrl_plugins.{family}' for family in families)}"
    code += "; print(sorted({'jax', 'equinox', 'ogbench', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_files_and_functions_are_short() -> None:
    wrong, lengths = [], []
    for source in sources():
        if len(source.text.splitlines()) > MAX_LINES:
            wrong.append(f"{where(source, MAX_LINES)}: more than {MAX_LINES} lines")
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno is not None
                lines = node.end_lineno - node.body[0].lineno + 1
                lengths.append(lines)
                if lines > MAX_FUNCTION:
                    wrong.append(f"{where(source, node.lineno)}: {node.name} has {lines} lines")
    assert not wrong
    assert statistics.median(lengths) <= MAX_MEDIAN_FUNCTION


def test_nothing_is_unpickled() -> None:
    unsafe = {"pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    imported = ((source, item) for source in sources() for item in source.imports)
    wrong = [where(source, item.line) for source, item in imported if item.module.split(".")[0] in unsafe]
    for here, node in ((source, node) for source in sources() for node in ast.walk(source.tree)):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            if not (isinstance(node.value, ast.Constant) and node.value.value is False):
                wrong.append(where(here, node.value.lineno))
        elif isinstance(node, ast.Call):
            if called(node) in {"eval", "exec", "compile", "yaml.load"}:
                wrong.append(where(here, node.lineno))
            # Where it is not said, another version of NumPy may say yes.
            loads = called(node) in {"np.load", "numpy.load", "jnp.load"}
            if loads and not any(keyword.arg == "allow_pickle" for keyword in node.keywords):
                wrong.append(where(here, node.lineno))
    assert not wrong


def called(node: ast.Call) -> str:
    return ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ""
