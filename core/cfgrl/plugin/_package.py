"""A package of plugins to be checked: one that is installed, or a folder that is looked at as if it were.

For a folder, the metadata and entry points that its `pyproject.toml` announces are laid beside its sources on the
path, in a temporary folder. Nothing is built or installed, and nothing in the folder is written.
"""

import contextlib
import dataclasses
import importlib
import importlib.metadata
import os
import pathlib
import re
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from cfgrl._errors import ConfigError, PluginError
from cfgrl.catalogue._names import did_you_mean
from cfgrl.catalogue._plugins import GROUP, ONLY, STRICT, Plugin, canonical
from cfgrl.config._layers import packaged_file
from cfgrl.config._registry import Registry, load_registries
from cfgrl.config._toml import read_toml


@dataclasses.dataclass(frozen=True)
class Package:
    """A distribution as it is checked.

    **Arguments:**

    - `name`, `version`: of the distribution.
    - `metadata`: as packages carry it; keys such as `Summary`, several values for `Requires-Dist`.
    - `plugins`: its entry points and what came of loading each.
    - `registry`: all presets and components, those of others too.
    - `root`: its folder, where it was given as one.
    """

    name: str
    version: str
    metadata: Any
    plugins: tuple[Plugin, ...]
    registry: Registry
    root: pathlib.Path | None = None

    @property
    def presets(self) -> dict[str, Any]:
        """Its presets by name."""
        found = {}
        for layer in self.registry.layers:
            mine = {n: p for n, p in layer.presets.items() if p.plugin and canonical(p.plugin.distribution) == self._id}
            found.update(mine)
        return found

    @property
    def _id(self) -> str:
        return canonical(self.name)


@contextlib.contextmanager
def opened(target: str) -> Iterator[Package]:
    """The package at a path, or the installed distribution of that name, while the context lasts.

    **Raises:** `ConfigError` where there is no such thing; `PluginError` where a folder's `pyproject.toml` does not
    tell what is needed.
    """
    path = pathlib.Path(target)
    with _as_shipped():
        if path.exists() or os.sep in target:
            root = path.resolve()
            with _laid_out(root) as name:
                yield _package(name, root)
        else:
            yield _package(target, None)


@contextlib.contextmanager
def _as_shipped() -> Iterator[None]:
    """Without what a user chose for themselves: a package is right or wrong whatever they load."""
    chosen = {name: os.environ.pop(name) for name in (ONLY, STRICT) if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(chosen)


def _package(name: str, root: pathlib.Path | None) -> Package:
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError as error:
        known = {e.dist.name for e in importlib.metadata.entry_points(group=GROUP) if e.dist}
        raise ConfigError(
            f"There is no folder and no installed distribution '{name}'{did_you_mean(name, known) or '.'} "
            "`cfgrl plugins` lists what is installed."
        ) from error
    registry = load_registries(packaged_file())  # not the user's own file, whatever stands in it
    mine = canonical(distribution.metadata["Name"])
    plugins = tuple(p for p in registry.catalogue.plugins if canonical(p.distribution) == mine)
    return Package(distribution.metadata["Name"], distribution.version, distribution.metadata, plugins, registry, root)


@contextlib.contextmanager
def _laid_out(root: pathlib.Path) -> Iterator[str]:
    """Put a folder's sources and its metadata on the path, for this process and its children."""
    project = _project(root)
    name, entries = project["name"], project.get("entry-points", {}).get(GROUP, {})
    # Where hatchling, setuptools and others look for sources, as they are laid out in practice.
    source = root / "src" if (root / "src").is_dir() else root
    with tempfile.TemporaryDirectory(prefix="cfgrl-plugin-") as temporary:
        info = pathlib.Path(temporary) / f"{name.replace('-', '_')}-0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(_metadata(project), encoding="utf-8")
        lines = [f"{key} = {value}" for key, value in entries.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]), encoding="utf-8")
        tops = {value.partition(":")[0].split(".")[0] for value in entries.values()}
        with _on_the_path([str(temporary), str(source)], tops):
            yield name


def _project(root: pathlib.Path) -> dict[str, Any]:
    file = root / "pyproject.toml"
    if not root.exists():
        raise ConfigError(f"There is nothing at {root}.")
    if not file.is_file():
        above = next((folder for folder in root.parents if (folder / "pyproject.toml").is_file()), None)
        hint = f"; {above} has one" if above else ""
        raise ConfigError(f"{root} is no package: there is no pyproject.toml in it{hint}.")
    project = read_toml(file).values.get("project")
    project = project if isinstance(project, dict) else {}
    entries = project.get("entry-points", {})
    group = entries.get(GROUP, {}) if isinstance(entries, dict) else None
    right = {
        "name": _text(project.get("name"), _NAME),
        "version": _text(project.get("version", "0"), _VERSION),
        "dependencies": _texts(project.get("dependencies", [])),
        f"entry-points.{GROUP}": isinstance(group, dict) and _texts(list(group.values())),
    }
    if wrong := [key for key, is_right in right.items() if not is_right]:
        raise PluginError(f"{file}: project.{wrong[0]}: is missing or has another form than packages have.")
    return project


_NAME, _VERSION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"), re.compile(r"[A-Za-z0-9.!+_-]+")


def _text(value: Any, form: re.Pattern[str]) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _texts(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) and "\n" not in value for value in values)


def _metadata(project: dict[str, Any]) -> str:
    licence = project.get("license", "")
    lines = ["Metadata-Version: 2.4", f"Name: {project['name']}", f"Version: {project.get('version', '0')}"]
    lines += [f"Summary: {' '.join(str(project['description']).split())}"] if project.get("description") else []
    lines += [f"Classifier: {value}" for value in project.get("classifiers", [])]
    lines += [f"Dynamic: {value}" for value in project.get("dynamic", [])]
    lines += [f"License-Expression: {licence if isinstance(licence, str) else 'in a file'}"] if licence else []
    lines += [f"Requires-Python: {project['requires-python']}"] if project.get("requires-python") else []
    lines += [f"Requires-Dist: {requirement}" for requirement in project.get("dependencies", [])]
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def _on_the_path(folders: list[str], tops: set[str]) -> Iterator[None]:
    """`tops` are the packages that are looked at, forgotten afterwards."""
    before, modules, writes = os.environ.get("PYTHONPATH"), set(sys.modules), sys.dont_write_bytecode
    sys.path[:0] = folders
    os.environ["PYTHONPATH"] = os.pathsep.join([*folders, *([before] if before else [])])
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = [entry for entry in sys.path if entry not in folders]
        sys.dont_write_bytecode = writes
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
        for name in set(sys.modules) - modules:
            if name.split(".")[0] in tops:
                del sys.modules[name]
