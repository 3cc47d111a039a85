"""The registry: presets from the packaged file, from plugins and from the user, and how one is resolved.

    registry = load_registries()
    resolved = registry.resolve("cfgrl-goal", ["guidance.weight=1.5", "seeds=[0,1,2]"])

A later layer's preset hides an earlier one of the same name, and may extend it by that name. Nothing here imports jax.
"""

import dataclasses
import os
import pathlib
from typing import Any

from cfgrl._errors import ConfigError, PluginError
from cfgrl.catalogue._catalogue import Catalogue, conflict, load_catalogue, require_whole, strict
from cfgrl.catalogue._names import did_you_mean
from cfgrl.catalogue._plugins import Plugin, canonical
from cfgrl.config._layers import ABOUT, Layer, Preset, SweepTable, packaged_file, read_layer, user_file
from cfgrl.config._tables import Keys, Origin, Overrides, Table, dotted, empty, lay, nest, parse_overrides, part

#: What a stage is made of; where there are two stages, these keys at the top are shared by both.
STAGE_PARTS = ("labeler", "policy", "guidance", "optimizer", "ema")


@dataclasses.dataclass(frozen=True)
class Resolved:
    """A configuration as a plain table, not yet built.

    **Arguments:**

    - `preset`: the name that was asked for.
    - `table`: the merged keys; defaults of classes are not in it.
    - `origins`: for each path of keys the file and line, or override, that set it.
    - `catalogue`: the components that names refer to.
    - `origin`: where the preset begins.
    """

    preset: str
    table: dict[str, Any]
    origins: dict[Keys, Origin]
    catalogue: Catalogue
    origin: Origin


@dataclasses.dataclass(frozen=True)
class Registry:
    """All layers, the earliest first, and the catalogue of components."""

    layers: tuple[Layer, ...]
    catalogue: Catalogue

    def presets(self) -> dict[str, Preset]:
        """The visible preset of each name, in alphabetical order; names that two plugins claim are left out."""
        names = {name for layer in self.layers for name in layer.presets}
        found = {name: self._above(name)[1] for name in sorted(names) if not self._claimants(name)}
        return found

    def find(self, name: str) -> Preset:
        """The visible preset called `name`; raises `ConfigError` with the closest name, or `PluginError`."""
        return self._find(name)[1]

    def sweeps(self) -> dict[str, SweepTable]:
        """The visible sweep of each name, in alphabetical order; a user's hides the packaged one."""
        return dict(sorted({name: sweep for layer in self.layers for name, sweep in layer.sweeps.items()}.items()))

    def find_sweep(self, name: str) -> SweepTable:
        """The visible sweep called `name`; raises `ConfigError` with the closest name."""
        known = self.sweeps()
        if name not in known:
            names = f" (known: {', '.join(known)})" if known else "; no registry file has a [sweep.NAME]"
            raise ConfigError(f"There is no sweep '{name}'{did_you_mean(name, known)}{names}.")
        return known[name]

    def conflicts(self) -> list[str]:
        """What is wrong with each name of a component or preset that several distributions give."""
        lines = [conflict(*claimed) for claimed in self.catalogue.conflicts()]
        names = {name for layer in self.layers for name in layer.presets}
        return lines + [conflict("presets", n, plugins) for n in sorted(names) if (plugins := self._claimants(n))]

    def packager(self, preset: Preset) -> str | None:
        """The distribution that brings a preset; `None` for a user's own."""
        if preset.plugin is not None:
            return preset.plugin.distribution
        return "cfgrl" if preset.origin.file == self.layers[0].file else None

    def resolve(self, preset: str, overrides: Overrides = ()) -> Resolved:
        """Defaults, then the preset's ancestors, then the preset, then the overrides.

        Raises `ConfigError` for an unknown preset, a cycle, or an override that is no `KEY=VALUE`.
        """
        above = parse_overrides(overrides)
        for key in (k for k in above.values if k in ABOUT):
            raise ConfigError(f"override: {key}: belongs to a preset's own file and cannot be overridden.")
        table = empty()
        for layer in self.layers:
            table = lay(table, layer.defaults)
        for ancestor in self._lineage(preset):
            table = lay(table, ancestor.table)
        stages = _stages(table, above)
        table = lay(_spread(table, stages), _spread(above, stages))
        return Resolved(preset, table.values, table.origins, self.catalogue, self.find(preset).origin)

    def _find(self, name: str, below: int | None = None) -> tuple[int, Preset]:
        if claimants := self._claimants(name):
            raise PluginError(_sentence(conflict("presets", name, claimants)))
        found = self._above(name, below)
        if found is None:
            known = {n for layer in self.layers[:below] for n in layer.presets}
            error = self.catalogue.unknown("presets", name, known)
            raise type(error)(f"{_sentence(str(error))} See `cfgrl list presets`.")
        return found

    def _above(self, name: str, below: int | None = None) -> Any:
        """The number and preset of the last layer (before number `below`) that has the name."""
        numbered = list(enumerate(self.layers))[:below]
        return next(((i, layer.presets[name]) for i, layer in reversed(numbered) if name in layer.presets), None)

    def _claimants(self, name: str) -> list[Plugin]:
        """The plugins that claim a name, where there are several and no user's file settles it."""
        presets = [layer.presets[name] for layer in self.layers if name in layer.presets]
        claimants = [preset.plugin for preset in presets if preset.plugin is not None]
        return claimants if len(claimants) > 1 and presets[-1].plugin is not None else []

    def _lineage(self, name: str) -> list[Preset]:
        """The preset and its ancestors, the most distant first."""
        level, preset = self._find(name)
        lineage, seen = [preset], {(level, name)}
        while preset.extends is not None:
            parent = preset.extends
            try:
                level, found = self._find(parent, below=level if parent == preset.name else None)
            except (ConfigError, PluginError) as error:
                raise type(error)(f"{_extends(preset)}: {error}") from error
            if (level, parent) in seen:
                circle = " -> ".join([p.name for p in lineage] + [parent])
                raise ConfigError(f"{_extends(preset)}: presets extend each other in a circle: {circle}.")
            seen.add((level, parent))
            lineage.append(found)
            preset = found
        return lineage[::-1]


def load_registries(user: pathlib.Path | str | None = None) -> Registry:
    """Read all registry files and discover the plugins.

    **Arguments:**

    - `user`: the user's file (`--registry`); by default the first `registry.toml` upward from the working directory.

    Raises `ConfigError` for a file of the user's that is missing or wrong; a plugin's is recorded as its failure, and
    is a `PluginError` where `CFGRL_PLUGINS_STRICT` is set.
    """
    packaged = read_layer(packaged_file())
    file = user_file(user)
    own = None if file is None or _same(file, packaged.file) else read_layer(file)
    disable = packaged.disable + (own.disable if own else ())
    catalogue = load_catalogue(disable)
    layers, plugins = [packaged], []
    excluded = {(canonical(d), name) for d, _, name in (entry.partition(":") for entry in disable)}
    for plugin in catalogue.plugins:
        try:
            read = [read_layer(path, plugin) for path in plugin.presets]
            for layer in read:
                kept = {n: p for n, p in layer.presets.items() if (canonical(plugin.distribution), n) not in excluded}
                layers.append(dataclasses.replace(layer, presets=kept))
        except ConfigError as error:
            plugin = dataclasses.replace(plugin, failure=str(error), components={}, presets=())
        plugins.append(plugin)
    registry = Registry((*layers, *([own] if own else [])), Catalogue(tuple(plugins), disable))
    if strict():
        require_whole(registry.catalogue, registry.conflicts())
    return registry


def _same(file: pathlib.Path, packaged: pathlib.Path) -> bool:
    return file.exists() and os.path.samefile(file, packaged)


def _stages(table: Table, overrides: Table) -> list[str]:
    """The names of the stages where keys of `stage` name some."""
    names: dict[str, None] = {}
    for values in (table.values, overrides.values):
        stage = values.get("stage")
        if isinstance(stage, dict):
            names.update(dict.fromkeys(stage))
    return list(names)


def _spread(table: Table, stages: list[str]) -> Table:
    """Where there are stages, give each of them the parts that stand at the top; its own keys win."""
    shared = part(table, STAGE_PARTS)
    if not stages or not shared.values:
        return table
    rest = part(table, [key for key in table.values if key not in STAGE_PARTS])
    below = empty()
    for name in stages:
        below = lay(below, nest(shared, ("stage", name)))
    return lay(below, rest)


def _extends(preset: Preset) -> str:
    return f"{preset.origin}: {dotted(('preset', preset.name, 'extends'))}"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
