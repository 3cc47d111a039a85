"""The catalogue: all components that the loaded plugins bring, found by family and name.

A name that two distributions give belongs to neither until a registry settles it, and what a broken plugin would have
given is an error for those who ask for it, with the reason; everything else stays usable.
"""

import contextlib
import dataclasses
import functools
import os
import pathlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from cfgrl._errors import CfgrlError, ConfigError, PluginError
from cfgrl.catalogue._component import Component, singular
from cfgrl.catalogue._directory import providers
from cfgrl.catalogue._names import did_you_mean
from cfgrl.catalogue._plugins import STRICT, Plugin, canonical, discover, unknown_selection
from cfgrl.catalogue._source import ClassSource, find_class, find_module


class Entry(NamedTuple):
    """A component with the plugin that brings it."""

    family: str
    name: str
    component: Component
    plugin: Plugin


@dataclasses.dataclass(frozen=True)
class Catalogue:
    """What is installed.

    **Arguments:**

    - `plugins`: all of them, broken and disabled ones too.
    - `disable`: what a registry left out, as `discover` takes it.
    - `recorded`: versions by name of the distributions that a run was made with, where it is a run's catalogue.
    """

    plugins: tuple[Plugin, ...]
    disable: tuple[str, ...] = ()
    recorded: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def _entries(self) -> dict[tuple[str, str], list[Entry]]:
        entries: dict[tuple[str, str], list[Entry]] = {}
        for plugin in self.plugins:
            for family, components in plugin.components.items():
                for name, component in components.items():
                    entries.setdefault((family, name), []).append(Entry(family, name, component, plugin))
        return entries

    def entries(self, family: str) -> dict[str, Entry]:
        """The usable components of a family by name, in alphabetical order."""
        found = [(name, e[0]) for (of, name), e in self._entries.items() if of == family and len(e) == 1]
        return dict(sorted(found))

    def conflicts(self) -> Iterator[tuple[str, str, list[Plugin]]]:
        """Family, name and claimants of each name that is given more than once."""
        for (family, name), entries in sorted(self._entries.items()):
            if len(entries) > 1:
                yield family, name, [entry.plugin for entry in entries]

    def failures(self) -> list[Plugin]:
        """The plugins that did not load."""
        return [plugin for plugin in self.plugins if plugin.failure]

    def find(self, family: str, name: str) -> Entry:
        """The component called `name`.

        Raises `PluginError` if two distributions claim it or a plugin that did not load has it, and `ConfigError`
        with the closest name if it is unknown.
        """
        entries = self._entries.get((family, name), [])
        if len(entries) == 1:
            return entries[0]
        if entries:
            raise PluginError(conflict(family, name, [entry.plugin for entry in entries]))
        raise self.unknown(family, name, self.entries(family))

    def unknown(self, family: str, name: str, known: Collection[str]) -> CfgrlError:
        """The error for an unknown name."""
        kind = singular(family)
        for plugin in self.plugins:
            if plugin.failure and (not known or _mentions(plugin, name)):
                return PluginError(
                    f"there is no {kind} '{name}', and {plugin.distribution} {plugin.version} ({plugin.module}), which "
                    f"may bring it, did not load: {plugin.failure}"
                )
            if plugin.disabled and _mentions(plugin, name):
                return ConfigError(
                    f"the {kind} '{name}' belongs to {plugin.distribution} ({plugin.name}), which is disabled by "
                    "`disable` in a registry or by the variable CFGRL_PLUGINS"
                )
        if absent := self._absent(family, name):
            return PluginError(f"there is no {kind} '{name}' here: {absent}")
        text = f"there is no {kind} '{name}'{did_you_mean(name, known)}"
        text += f" (known: {', '.join(sorted(known))})" if known else f"; no {kind} is installed"
        for plugin in self.failures():
            text += f"; {plugin.distribution} {plugin.version} did not load and may have brought it: {plugin.failure}"
        return ConfigError(text)

    def _absent(self, family: str, name: str) -> str:
        """Which distribution that is not installed brings a name, or may bring it; empty where none is known."""
        installed = {canonical(plugin.distribution) for plugin in self.plugins}
        for listed in providers(family, name):
            if canonical(listed.distribution) not in installed:
                return f"{listed.distribution} brings it; install it with `{listed.install}`"
        lost = [f"{d} {version}" for d, version in sorted(self.recorded.items()) if canonical(d) not in installed]
        return f"the run was made with {', '.join(lost)}, which is not installed" if lost else ""

    def name_of(self, family: str, cls: type) -> str | None:
        """The name under which a class is registered; only targets of the same class name are imported to see."""
        for name, entry in self.entries(family).items():
            if entry.component.target.endswith(f":{cls.__name__}"):
                with contextlib.suppress(PluginError):
                    if entry.component.load() is cls:
                        return name
        return None

    def name_of_source(self, family: str, source: ClassSource) -> str | None:
        """The name under which a class that was only read is registered."""
        for name, entry in self.entries(family).items():
            if entry.component.target.endswith(f":{source.node.name}"):
                found = find_class(entry.component.target)
                if found is not None and found.file == source.file:
                    return name
        return None


def load_catalogue(disable: Collection[str] = (), recorded: Mapping[str, str] | None = None) -> Catalogue:
    """Discover the installed plugins. `recorded` is what a run says it was made with."""
    return Catalogue(discover(disable), tuple(disable), recorded or {})


def strict() -> bool:
    """Whether the environment asks that every plugin be whole."""
    return os.environ.get(STRICT, "0") not in ("", "0")


def require_whole(catalogue: Catalogue, conflicts: Sequence[str]) -> None:
    """Refuse what is otherwise only recorded: plugins that did not load, and names that two of them claim.

    Raises `PluginError` with all of it.
    """
    lines = [f"{p.distribution} {p.version} ({p.module}) did not load: {p.failure}" for p in catalogue.failures()]
    lines += [*conflicts, *unknown_selection()]
    if lines:
        raise PluginError("the plugins are not whole, and this is strict:\n  " + "\n  ".join(lines))


def conflict(family: str, name: str, claimants: Sequence[Plugin]) -> str:
    """What is wrong with a name that several plugins give, and what to write where."""
    who = sorted(f"{plugin.distribution} {plugin.version} ({plugin.module})" for plugin in claimants)
    distributions = sorted({canonical(plugin.distribution) for plugin in claimants})
    remedy = " or ".join(f'`disable = ["{distribution}:{name}"]`' for distribution in distributions)
    return f"the {singular(family)} '{name}' is given by {' and by '.join(who)}; choose with {remedy} in registry.toml"


def _mentions(plugin: Plugin, name: str) -> bool:
    """Whether a plugin that was not loaded is the likely owner of a name: it is called so, or its source says it."""
    names = {plugin.name, canonical(plugin.distribution)}
    if name in names or f"cfgrl-{name}" in names:
        return True
    file = find_module(plugin.module.partition(":")[0])
    try:
        text = file.read_text(encoding="utf-8") if isinstance(file, pathlib.Path) else ""
    except (OSError, UnicodeDecodeError):
        return False
    return f'"{name}"' in text or f"'{name}'" in text
