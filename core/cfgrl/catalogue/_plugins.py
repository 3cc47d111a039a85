"""Discovery: which plugins are installed, what each brings, and why one did not load.

Entry points of the group `cfgrl` are loaded one by one, each guarded: a broken plugin is recorded with its reason and
takes nothing else down. The distributions are scanned once, in an order that does not depend on the file system.
"""

import contextlib
import dataclasses
import importlib.metadata
import os
import pathlib
import re
import sys
import time
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import pluggy

from cfgrl.catalogue import _hooks
from cfgrl.catalogue._answers import Broken, components_of, families_of, presets_of, why
from cfgrl.catalogue._component import BUILT_IN, Component, Family, bring
from cfgrl.catalogue._hooks import PLUGIN_API
from cfgrl.catalogue._names import did_you_mean
from cfgrl.catalogue._source import declared_api

GROUP = "cfgrl"
#: Environment variable: names of the distributions or entry points to load, separated by commas; unset for all.
ONLY = "CFGRL_PLUGINS"
#: Environment variable: where it is 1, a plugin that did not load is an error for everybody.
STRICT = "CFGRL_PLUGINS_STRICT"
#: What the author of a plugin for an earlier version of the interface has to change.
_CHANGED = {
    1: ", or change it: the methods of guidance take one record, `loss(given, label)`, `sample(given, weight)` and "
    "`field(given, weight)`, `CFG` takes an `event`, and then `cfgrl_api = 2` (docs/plugins.md)"
}


@dataclasses.dataclass(frozen=True)
class Plugin:
    """One entry point and what came of loading it.

    **Arguments:**

    - `distribution`, `version`: of the package that brings it.
    - `name`, `module`: of the entry point.
    - `components`: for each family the components by name.
    - `families`: those that it adds itself.
    - `presets`: registry files.
    - `api`: the version of the plugin interface that it is written for; `None` if it does not say.
    - `seconds`: what importing its hook module took.
    - `failure`: why it did not load, or `None`.
    - `disabled`: whether it was left out by choice.
    """

    distribution: str
    version: str
    name: str
    module: str
    components: Mapping[str, Mapping[str, Component]] = dataclasses.field(default_factory=dict)
    families: Mapping[str, Family] = dataclasses.field(default_factory=dict)
    presets: tuple[pathlib.Path, ...] = ()
    api: int | None = None
    seconds: float = 0.0
    failure: str | None = None
    disabled: bool = False


class _Found(NamedTuple):
    distribution: str
    version: str
    entry: importlib.metadata.EntryPoint


def discover(disable: Collection[str] = ()) -> tuple[Plugin, ...]:
    """Load every installed plugin.

    **Arguments:**

    - `disable`: what a registry leaves out: `DISTRIBUTION`, an entry point's name, or `DISTRIBUTION:NAME` for one of
      its components or presets.

    Never raises for a plugin's sake; see `Plugin.failure`.
    """
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(_hooks)
    whole = {canonical(entry) for entry in disable if ":" not in entry}
    single = {(canonical(d), name) for d, _, name in (entry.partition(":") for entry in disable) if name}
    only = _only()
    plugins: list[Plugin] = []
    for found in _entry_points():
        plugin = Plugin(found.distribution, found.version, found.entry.name, found.entry.value)
        names = {canonical(found.distribution), canonical(found.entry.name)}
        left_out = names & whole or (only is not None and not names & only)
        plugins.append(dataclasses.replace(plugin, disabled=True) if left_out else _load(manager, plugin, found.entry))
    plugins = _settle_families(plugins, single)
    # Families first, all of them: components of one may come from a plugin that happens to be loaded earlier.
    return tuple(_with_components(manager, plugin, plugins, single) for plugin in plugins)


def _settle_families(plugins: list[Plugin], single: set[tuple[str, str]]) -> list[Plugin]:
    """Make the families of plugins known; those that claim one name, or a built-in one, have failed."""
    claims: dict[str, list[Plugin]] = {}
    for plugin in plugins:
        for name in plugin.families:
            if (canonical(plugin.distribution), name) not in single:
                claims.setdefault(name, []).append(plugin)
    settled, known = [], {}
    for plugin in plugins:
        mine = {name: about for name, about in plugin.families.items() if plugin in claims.get(name, [])}
        wrong = next(filter(None, (_wrong_family(name, about, claims[name]) for name, about in mine.items())), "")
        known |= {} if wrong else mine
        settled.append(dataclasses.replace(plugin, failure=wrong) if wrong else plugin)
    bring(known)
    return settled


def _wrong_family(name: str, family: Family, claimants: Collection[Plugin]) -> str:
    """Why a plugin cannot bring a family; empty if it can."""
    ours = {"presets", "preset", *BUILT_IN, *(about.singular for about in BUILT_IN.values())}
    if name in ours:
        return f"it brings a family '{name}', which cfgrl has already: choose another name"
    if family.singular in ours:
        return f"the singular '{family.singular}' of its family '{name}' has a meaning already: choose another one"
    if len(claimants) > 1:
        who = " and by ".join(f"{claimant.distribution} {claimant.version}" for claimant in claimants)
        return f"the family '{name}' is given by {who}; choose with `disable = [\"DISTRIBUTION:{name}\"]`"
    return ""


def _with_components(
    manager: pluggy.PluginManager, plugin: Plugin, plugins: Collection[Plugin], single: set[tuple[str, str]]
) -> Plugin:
    """The plugin with what it brings, or with the reason why that cannot be read."""
    module = manager.get_plugin(f"{plugin.distribution}:{plugin.name}")
    if plugin.failure or module is None:
        return plugin
    absent = [
        f"{p.distribution} {p.version} {'is disabled' if p.disabled else f'did not load ({p.failure})'}"
        for p in plugins
        if p.disabled or p.failure
    ]
    try:
        with contextlib.redirect_stdout(sys.stderr):
            found, presets = components_of(manager, module, absent), presets_of(manager, module)
    except (Exception, SystemExit) as error:
        return dataclasses.replace(plugin, failure=why(error))
    kept = {
        family: {n: c for n, c in components.items() if (canonical(plugin.distribution), n) not in single}
        for family, components in found.items()
    }
    return dataclasses.replace(plugin, components=kept, presets=presets)


def canonical(name: str) -> str:
    """A distribution's name as package indexes compare it: lower case, runs of `-_.` as one `-`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _only() -> set[str] | None:
    listed = os.environ.get(ONLY)
    return None if listed is None else {canonical(name.strip()) for name in listed.split(",") if name.strip()}


def unknown_selection() -> list[str]:
    """A sentence for each name in `CFGRL_PLUGINS` that no installed distribution or entry point has."""
    known = {canonical(name) for found in _entry_points() for name in (found.distribution, found.entry.name)}
    return [
        f"{ONLY} names '{name}', which is not installed{did_you_mean(name, known)}"
        for name in sorted((_only() or set()) - known)
    ]


def _entry_points() -> list[_Found]:
    found: dict[str, list[_Found]] = {}
    for distribution in importlib.metadata.distributions():
        with contextlib.suppress(Exception):  # Broken metadata of whatever else is installed is not our business.
            # The text is looked at first: parsing the metadata of every installed distribution takes ten times longer.
            if f"[{GROUP}]" in re.sub(r"\s", "", distribution.read_text("entry_points.txt") or ""):
                name, version = distribution.metadata["Name"], distribution.version
                entries = [_Found(name, version, e) for e in distribution.entry_points if e.group == GROUP]
                # A distribution that is on the path twice: the first one is what `import` finds.
                found.setdefault(canonical(name), entries)
    return sorted((f for fs in found.values() for f in fs), key=lambda f: (canonical(f.distribution), f.entry.name))


def _load(manager: pluggy.PluginManager, plugin: Plugin, entry: importlib.metadata.EntryPoint) -> Plugin:
    module: Any = None
    try:
        # What a plugin prints must not end up in the middle of `--json`.
        with contextlib.redirect_stdout(sys.stderr):
            _check_api(plugin, declared_api(plugin.module.partition(":")[0]))
            start = time.perf_counter()
            module = entry.load()
            seconds = time.perf_counter() - start
            api = _check_api(plugin, getattr(module, "cfgrl_api", None))
            plugin = dataclasses.replace(plugin, api=api, seconds=seconds)
            manager.register(module, name=f"{plugin.distribution}:{plugin.name}")
            _check_hooks(manager, module)
            return dataclasses.replace(plugin, families=families_of(manager, module))
    except (Exception, SystemExit) as error:
        if module is not None and manager.is_registered(module):
            manager.unregister(module)
        return dataclasses.replace(plugin, failure=why(error))


def _check_api(plugin: Plugin, declared: Any) -> int | None:
    """What a module of hooks declares, where it is this version of the plugin interface, or says nothing."""
    if declared is None:
        return None
    if type(declared) is not int:
        raise Broken(f"cfgrl_api must be a whole number such as {PLUGIN_API}, not {declared!r}")
    if declared != PLUGIN_API:
        newer = (
            "upgrade cfgrl" if declared > PLUGIN_API else f"upgrade {plugin.distribution}{_CHANGED.get(declared, '')}"
        )
        raise Broken(
            f"it is written for version {declared} of the plugin interface, and cfgrl "
            f"{importlib.metadata.version('cfgrl')} has version {PLUGIN_API}: {newer}"
        )
    return declared


def _check_hooks(manager: pluggy.PluginManager, module: Any) -> None:
    callers = manager.get_hookcallers(module) or []
    if not callers:
        raise Broken(f"{module.__name__} implements no hook: a hook is a function marked with @cfgrl.hookimpl")
    known = [name for name in dir(_hooks) if name.startswith("cfgrl_")]
    for caller in callers:
        demanded = any(i.plugin is module and not i.optionalhook for i in caller.get_hookimpls())
        if demanded and not caller.has_spec():
            raise Broken(f"there is no hook '{caller.name}'{did_you_mean(caller.name, known)}")
    manager.check_pending()
