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
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from cfgrl._errors import ConfigError, PluginError
from cfgrl.config._plugins import GROUP, Plugin, canonical, did_you_mean
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
    if path.is_dir() or os.sep in target or target in (".", ".."):
        root = path.resolve()
        with _laid_out(root) as name:
            yield _package(name, root)
    else:
        yield _package(target, None)


def _package(name: str, root: pathlib.Path | None) -> Package:
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError as error:
        known = {e.dist.name for e in importlib.metadata.entry_points(group=GROUP) if e.dist}
        raise ConfigError(
            f"There is no installed distribution '{name}'{did_you_mean(name, known)}; a folder is written with a '/', "
            "such as './my-plugin'. `cfgrl plugins` lists what is installed."
        ) from error
    registry = load_registries()
    mine = canonical(distribution.metadata["Name"])
    plugins = tuple(p for p in registry.catalogue.plugins if canonical(p.distribution) == mine)
    return Package(distribution.metadata["Name"], distribution.version, distribution.metadata, plugins, registry, root)


@contextlib.contextmanager
def _laid_out(root: pathlib.Path) -> Iterator[str]:
    """Put a folder's sources and its metadata on the path, for this process and its children."""
    project = _project(root)
    name, version = project["name"], str(project.get("version", "0"))
    # Where hatchling, setuptools and others look for sources, as they are laid out in practice.
    source = root / "src" if (root / "src").is_dir() else root
    with tempfile.TemporaryDirectory(prefix="cfgrl-plugin-") as temporary:
        info = pathlib.Path(temporary) / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(_metadata(project, version), encoding="utf-8")
        entries = project.get("entry-points", {}).get(GROUP, {})
        lines = [f"{key} = {value}" for key, value in entries.items()]
        (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]), encoding="utf-8")
        with _on_the_path([str(temporary), str(source)]):
            yield name


def _project(root: pathlib.Path) -> dict[str, Any]:
    file = root / "pyproject.toml"
    if not file.is_file():
        raise ConfigError(f"{root} is no package: there is no pyproject.toml in it.")
    project = read_toml(file).values.get("project")
    if not isinstance(project, dict) or not isinstance(project.get("name"), str):
        raise PluginError(f"{file}: project.name: must say what the distribution is called.")
    return project


def _metadata(project: dict[str, Any], version: str) -> str:
    licence = project.get("license", "")
    lines = ["Metadata-Version: 2.4", f"Name: {project['name']}", f"Version: {version}"]
    lines += [f"Summary: {project['description']}"] if project.get("description") else []
    lines += [f"License-Expression: {licence if isinstance(licence, str) else 'in a file'}"] if licence else []
    lines += [f"Requires-Python: {project['requires-python']}"] if project.get("requires-python") else []
    lines += [f"Requires-Dist: {requirement}" for requirement in project.get("dependencies", [])]
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def _on_the_path(folders: list[str]) -> Iterator[None]:
    before, modules = os.environ.get("PYTHONPATH"), set(sys.modules)
    sys.path[:0] = folders
    os.environ["PYTHONPATH"] = os.pathsep.join([*folders, *([before] if before else [])])
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = [entry for entry in sys.path if entry not in folders]
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before
        for name in set(sys.modules) - modules:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith(folders[1] + os.sep):
                del sys.modules[name]
