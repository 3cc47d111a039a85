"""One registry file: `[defaults]`, `[preset.NAME]`, `[sweep.NAME]`, `disable`.

Its form is checked here, all faults at once; what the keys of a preset mean is for the builder, when it is used.
"""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

from cfgrl._errors import ConfigError
from cfgrl.catalogue._component import NAME
from cfgrl.catalogue._names import did_you_mean
from cfgrl.catalogue._plugins import Plugin
from cfgrl.config._tables import Keys, Origin, Table, dotted
from cfgrl.config._toml import Path, read_toml

FILE_NAME = "registry.toml"
_RESERVED = ("runs", "data", "logs")
#: Keys that say something about a preset and are no part of its configuration.
ABOUT = ("summary", "paper", "verified", "docs", "results", "extends")


@dataclasses.dataclass(frozen=True)
class Preset:
    """A preset as one file gives it, not yet resolved.

    **Arguments:**

    - `name`, `summary`, `paper`, `verified`, `extends`: as in the file.
    - `docs`, `results`: pages about it and about what it achieved: addresses, or paths in the source of its package.
    - `table`: its own keys.
    - `origin`: where it begins.
    - `plugin`: who brings it; `None` for a user's own.
    """

    name: str
    table: Table
    origin: Origin
    plugin: Plugin | None
    summary: str = ""
    paper: str | None = None
    verified: str | None = None
    docs: str | None = None
    results: str | None = None
    extends: str | None = None


@dataclasses.dataclass(frozen=True)
class SweepTable:
    """A sweep as one file gives it; what its keys mean is for `cfgrl.sweeps`."""

    name: str
    table: Table
    origin: Origin


@dataclasses.dataclass(frozen=True)
class Layer:
    """A registry file; later layers override and extend earlier ones."""

    file: pathlib.Path
    defaults: Table
    presets: dict[str, Preset]
    disable: tuple[str, ...] = ()
    sweeps: dict[str, SweepTable] = dataclasses.field(default_factory=dict)


def packaged_file() -> pathlib.Path:
    """The registry that comes with the library: inside an installed wheel, or at the top of a checkout."""
    inside = pathlib.Path(__file__).parents[1] / FILE_NAME
    return inside if inside.exists() else pathlib.Path(__file__).parents[3] / FILE_NAME


def user_file(given: pathlib.Path | str | None) -> pathlib.Path | None:
    """The user's registry: the one given, else the first upward from the working directory."""
    if given is not None:
        return pathlib.Path(given)
    here = pathlib.Path.cwd()
    return next((f for f in (d / FILE_NAME for d in (here, *here.parents)) if os.path.isfile(f)), None)


def read_layer(file: pathlib.Path, plugin: Plugin | None = None) -> Layer:
    """Read a registry file; raises one `ConfigError` with every fault of its form."""
    return _Reader(file, plugin).read()


def table_at(lines: Mapping[Path, int], file: pathlib.Path, path: Keys, values: dict[str, Any]) -> Table:
    """The keys of `values`, which stand below `path` in the document, with their lines among `lines`."""
    origins: dict[Keys, Origin] = {}
    for keys, line in lines.items():
        inside = tuple(key for key in keys[len(path) :] if isinstance(key, str))
        if keys[: len(path)] == path and len(path) + len(inside) == len(keys) and inside and inside[0] in values:
            origins[inside] = Origin(file, line)
    return Table(values, origins)


class _Reader:
    """Turns one document into a layer and collects its faults."""

    def __init__(self, file: pathlib.Path, plugin: Plugin | None):
        self.file = file
        self.plugin = plugin
        self.document = read_toml(file)
        #: The lines by the first two keys: looking through all of them for each preset would take their square.
        self.below: dict[Path, dict[Path, int]] = {}
        for keys, line in self.document.lines.items():
            self.below.setdefault(keys[:2], {})[keys] = line
        self.faults: list[str] = []

    def read(self) -> Layer:
        values = self.document.values
        # A plugin adds presets; what holds for everybody's is not for it to say.
        allowed = ("defaults", "preset", "sweep", "disable") if self.plugin is None else ("preset",)
        for key in values:
            if key not in allowed:
                hint = did_you_mean(key, allowed)
                self.fault((key,), f"there is no '{key}' here{hint} ({self.file.name} holds {', '.join(allowed)})")
        presets = {name: self.preset(name, entry) for name, entry in self.table("preset").items()}
        sweeps = {name: self.sweep(name, entry) for name, entry in self.table("sweep").items()}
        defaults = self.table("defaults")
        disable = values.get("disable", [])
        if not isinstance(disable, list) or not all(isinstance(entry, str) for entry in disable):
            self.fault(("disable",), "must be a list of strings")
        if self.faults:
            raise ConfigError("\n".join(self.faults))
        shared = table_at(self.document.lines, self.file, ("defaults",), defaults)
        return Layer(self.file, shared, presets, tuple(disable), sweeps)

    def named(self, kind: str, name: str, values: Any) -> dict[str, Any]:
        """The keys of one preset or sweep; its name and form are checked."""
        path = (kind, name)
        if not NAME.fullmatch(name):
            self.fault(path, f"names of {kind}s are lower-case words joined by '-'")
        if isinstance(values, dict):
            return values
        self.fault(path, f"must be a table: [{kind}.{name}]")
        return {}

    def sweep(self, name: str, values: Any) -> SweepTable:
        path = ("sweep", name)
        if name in _RESERVED or name.endswith("-quick"):
            self.fault(path, "a sweep's folder lies beside runs, data and logs, and NAME-quick is that of --quick")
        table = table_at(self.below.get(path, {}), self.file, path, self.named("sweep", name, values))
        return SweepTable(name, table, Origin(self.file, self.document.lines.get(path)))

    def preset(self, name: str, values: Any) -> Preset:
        path = ("preset", name)
        values = self.named("preset", name, values)
        about = {key: values[key] for key in ABOUT if isinstance(values.get(key), str)}
        for key in ABOUT:
            if key in values and key not in about:
                self.fault((*path, key), "must be a string")
        own = {k: v for k, v in values.items() if k not in ABOUT}
        table = table_at(self.below.get(path, {}), self.file, path, own)
        return Preset(name, table, Origin(self.file, self.document.lines.get(path)), self.plugin, **about)

    def table(self, key: str) -> dict[str, Any]:
        value = self.document.values.get(key, {})
        if isinstance(value, dict):
            return value
        self.fault((key,), "must be a table")
        return {}

    def fault(self, path: Path, message: str) -> None:
        self.faults.append(f"{Origin(self.file, self.document.lines.get(path))}: {dotted(path)}: {message}.")
