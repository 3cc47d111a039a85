"""`cfgrl plugin new`: writes a package with one working component, a preset, tests and continuous integration.

What is written passes its own tests and `cfgrl plugin check`; the author changes it from there.
"""

import ast
import dataclasses
import importlib.util
import keyword
import os
import pathlib
import re
import shutil
import tempfile

from cfgrl._errors import ConfigError
from cfgrl.catalogue._catalogue import load_catalogue
from cfgrl.catalogue._component import families, singular
from cfgrl.catalogue._hooks import PLUGIN_API

TEMPLATES = pathlib.Path(__file__).parent / "templates"
#: For each kind its family, and what the component that is written does.
KINDS = {
    "labeler": ("labelers", "hindsight goals at most a few steps ahead"),
    "policy": ("policies", "a flow whose training dwells on the middle of the path"),
    "guidance": ("guidance", "classifier-free guidance in an interval of times"),
    "event": ("events", "actions whose advantage stands out in the batch"),
    "network": ("networks", "fully connected layers that all see the input"),
    "dataset": ("datasets", "a point in the plane that is led to random places, made in memory"),
}
PAPERS = {
    "policy": "Esser et al. (arXiv 2403.03206)",
    "guidance": "Kynkäänniemi et al. (arXiv 2404.07724)",
    "network": "Sinha et al., D2RL (arXiv 2010.09163)",
}
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclasses.dataclass(frozen=True)
class Names:
    """What things are called in a new package.

    **Arguments:**

    - `distribution`: as `pip` knows it.
    - `kind`: one of `KINDS`.
    """

    distribution: str
    kind: str

    @property
    def component(self) -> str:
        """As registry files and `cfgrl list` call it: the distribution's name without a leading `cfgrl-`."""
        return self.distribution.removeprefix("cfgrl-")

    @property
    def module(self) -> str:
        """The package that Python imports."""
        return self.distribution.replace("-", "_")

    @property
    def cls(self) -> str:
        """The class."""
        return "".join(part.capitalize() for part in self.component.split("-"))

    @property
    def preset(self) -> str:
        """The preset that uses it."""
        return f"{self.component}-demo"


def new_plugin(name: str, kind: str, directory: pathlib.Path) -> list[pathlib.Path]:
    """Write the package into `directory/name`, whole or not at all, and return its files.

    **Raises:** `ConfigError` where the name cannot be used or the folder is there already.
    """
    names, target = Names(name, kind), directory / name
    _check(names)
    if target.exists() or target.is_symlink():
        raise ConfigError(f"{target} is there already: choose another name or --dir, or remove it first.")
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix=f".{name}.") as temporary:
        made = pathlib.Path(temporary) / name
        for path, text in _rendered(names).items():
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).write_text(text, encoding="utf-8")
        _put(made, target)
    return sorted(path for path in target.rglob("*") if path.is_file())


def _put(made: pathlib.Path, target: pathlib.Path) -> None:
    try:
        os.mkdir(target)  # Fails where somebody was quicker; a rename would replace an empty folder.
    except FileExistsError as error:
        raise ConfigError(f"{target} is there already: choose another name or --dir, or remove it first.") from error
    try:
        for entry in made.iterdir():
            os.replace(entry, target / entry.name)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise


def _check(names: Names) -> None:
    if not _NAME.fullmatch(names.distribution) or not names.component or not _NAME.fullmatch(names.component):
        raise ConfigError(
            f"A plugin cannot be called {names.distribution!r}: names are lower-case words that begin with a letter, "
            "joined by '-', such as 'cfgrl-near-goals'."
        )
    reserved = {*KINDS, *families(), *map(singular, families()), "stage", "train", "eval", "view", "tests", "src"}
    if names.component in reserved or keyword.iskeyword(names.cls) or names.cls in _bound(names):
        raise ConfigError(f"'{names.component}' already means something in what would be written: choose another name.")
    if keyword.iskeyword(names.module) or _taken(names.module):
        better = f", such as 'cfgrl-{names.component}'" if names.distribution == names.component else ""
        raise ConfigError(f"There is a Python module called '{names.module}' already: choose another name{better}.")
    catalogue = load_catalogue()
    for family in families():
        if (entry := catalogue.entries(family).get(names.component)) is not None:
            raise ConfigError(
                f"There is a {singular(family)} '{names.component}' already, of {entry.plugin.distribution}: choose "
                "another name."
            )


def _bound(names: Names) -> set[str]:
    """The names that the component's module imports, and that it defines beside the component."""
    tree = ast.parse(_rendered(dataclasses.replace(names, distribution="xx"))[f"src/xx/{names.kind}.py"])
    imported = (alias for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) for alias in node.names)
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)} - {"Xx"}
    return {alias.asname or alias.name for alias in imported} | defined


def _taken(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return True


def _rendered(names: Names) -> dict[str, str]:
    """The text of each file by its path in the package."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - Python and TOML, no HTML
    )
    family, summary = KINDS[names.kind]
    context = {
        "n": names, "family": family, "summary": summary, "api": PLUGIN_API, "paper": PAPERS.get(names.kind),
    }  # fmt: skip
    package = f"src/{names.module}"
    files = {
        "pyproject.toml": "common/pyproject.toml.j2",
        "README.md": "common/README.md.j2",
        "LICENSE": "common/LICENSE.j2",
        ".gitignore": "common/gitignore.j2",
        ".github/workflows/test.yml": "common/test.yml.j2",
        f"{package}/__init__.py": "common/init.py.j2",
        f"{package}/hooks.py": "common/hooks.py.j2",
        f"{package}/registry.toml": f"{names.kind}/registry.toml.j2",
        f"{package}/{names.kind}.py": f"{names.kind}/component.py.j2",
        "tests/test_conformance.py": "common/test_conformance.py.j2",
        f"tests/test_{names.kind}.py": f"{names.kind}/test.py.j2",
    }
    return {path: environment.get_template(template).render(context) for path, template in files.items()}
