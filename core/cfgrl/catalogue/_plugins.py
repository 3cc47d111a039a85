"""Discovery: which plugins are installed, what each brings, and why one did not load.

Entry points of the group `cfgrl` are loaded one by one, each guarded: a broken plugin is recorded with its reason and
takes nothing else down. The distributions are scanned once, in an order that does not depend on the file system.
"""

import contextlib
import dataclasses
import difflib
import importlib.metadata
import os
import pathlib
import re
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pluggy

from cfgrl.catalogue import _hooks
from cfgrl.catalogue._component import FAMILIES, NAME, Component, reason
from cfgrl.catalogue._hooks import PLUGIN_API
from cfgrl.catalogue._source import declared_api

GROUP = "cfgrl"
#: Environment variable: names of the distributions or entry points to load, separated by commas; unset for all.
ONLY = "CFGRL_PLUGINS"
#: Environment variable: where it is 1, a plugin that did not load is an error for everybody.
STRICT = "CFGRL_PLUGINS_STRICT"
#: No name is longer, and comparing takes the square of the length.
_LONGEST = 100


@dataclasses.dataclass(frozen=True)
class Plugin:
    """One entry point and what came of loading it.

    **Arguments:**

    - `distribution`, `version`: of the package that brings it.
    - `name`, `module`: of the entry point.
    - `components`: for each family the components by name.
    - `presets`: registry files.
    - `api`: the version of the plugin interface that it is written for; `None` where it does not say.
    - `seconds`: what importing its hook module took.
    - `failure`: why it did not load, or `None`.
    - `disabled`: whether it was left out by choice.
    """

    distribution: str
    version: str
    name: str
    module: str
    components: Mapping[str, Mapping[str, Component]] = dataclasses.field(default_factory=dict)
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
    plugins = []
    for found in _entry_points():
        plugin = Plugin(found.distribution, found.version, found.entry.name, found.entry.value)
        names = {canonical(found.distribution), canonical(found.entry.name)}
        if names & whole or (only is not None and not names & only):
            plugins.append(dataclasses.replace(plugin, disabled=True))
            continue
        plugin = _load(manager, plugin, found.entry)
        kept = {
            family: {n: c for n, c in components.items() if (canonical(plugin.distribution), n) not in single}
            for family, components in plugin.components.items()
        }
        plugins.append(dataclasses.replace(plugin, components=kept))
    return tuple(plugins)


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
            components, presets = _components(manager, module), _presets(manager, module)
            return dataclasses.replace(plugin, components=components, presets=presets)
    except (Exception, SystemExit) as error:
        if module is not None and manager.is_registered(module):
            manager.unregister(module)
        message = str(error) if isinstance(error, _Broken) else reason(error)
        return dataclasses.replace(plugin, failure=message)


class _Broken(Exception):
    """A plugin that loads and is wrong; the message is the whole reason."""


def _check_api(plugin: Plugin, declared: Any) -> int | None:
    """What a module of hooks declares, where it is this version of the plugin interface, or says nothing."""
    if declared is None:
        return None
    if type(declared) is not int:
        raise _Broken(f"cfgrl_api must be a whole number such as {PLUGIN_API}, not {declared!r}")
    if declared != PLUGIN_API:
        newer = "upgrade cfgrl" if declared > PLUGIN_API else f"upgrade {plugin.distribution}"
        raise _Broken(
            f"it is written for version {declared} of the plugin interface, and cfgrl "
            f"{importlib.metadata.version('cfgrl')} has version {PLUGIN_API}: {newer}"
        )
    return declared


def _check_hooks(manager: pluggy.PluginManager, module: Any) -> None:
    callers = manager.get_hookcallers(module) or []
    if not callers:
        raise _Broken(f"{module.__name__} implements no hook: a hook is a function marked with @cfgrl.hookimpl")
    known = [name for name in dir(_hooks) if name.startswith("cfgrl_")]
    for caller in callers:
        demanded = any(i.plugin is module and not i.optionalhook for i in caller.get_hookimpls())
        if demanded and not caller.has_spec():
            raise _Broken(f"there is no hook '{caller.name}'{did_you_mean(caller.name, known)}")
    manager.check_pending()


def _results(manager: pluggy.PluginManager, module: Any, hook: str) -> Iterator[Any]:
    """What this one plugin answers; calling all implementations at once could not say who gave what."""
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        if implementation.plugin is module:
            yield implementation.function()


def _components(manager: pluggy.PluginManager, module: Any) -> dict[str, dict[str, Component]]:
    components: dict[str, dict[str, Component]] = {}
    for family in FAMILIES:
        for answer in _results(manager, module, f"cfgrl_{family}"):
            if not isinstance(answer, Mapping):
                raise _Broken(f"cfgrl_{family}() returned {type(answer).__name__}, not a dict of names to Component")
            for name, component in answer.items():
                if not isinstance(name, str) or not NAME.fullmatch(name):
                    raise _Broken(f"cfgrl_{family}() gives the name {name!r}; names are lower-case words joined by '-'")
                if not isinstance(component, Component):
                    raise _Broken(f"cfgrl_{family}() gives {type(component).__name__} for '{name}', not a Component")
                components.setdefault(family, {})[name] = component
    return components


def _presets(manager: pluggy.PluginManager, module: Any) -> tuple[pathlib.Path, ...]:
    paths: list[pathlib.Path] = []
    for answer in _results(manager, module, "cfgrl_presets"):
        if isinstance(answer, str) or not isinstance(answer, Iterable):
            raise _Broken(f"cfgrl_presets() returned {type(answer).__name__}, not a list of paths")
        paths.extend(pathlib.Path(path) for path in answer)
    for path in paths:
        if not path.is_file():
            raise _Broken(f"cfgrl_presets() names {path}, which is not a file")
    return tuple(paths)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`"; did you mean 'x'?"` with the closest known name, or nothing where none is close."""
    if len(name) > _LONGEST:
        return ""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.55)
    return f"; did you mean '{close[0]}'?" if close else ""
