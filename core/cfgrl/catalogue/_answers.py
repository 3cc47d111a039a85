"""What the hooks of one plugin answer, checked: families, components by family, and registry files."""

import pathlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import pluggy

from cfgrl.catalogue._component import BUILT_IN, NAME, Component, Family, families, reason
from cfgrl.catalogue._names import did_you_mean


class Broken(Exception):
    """A plugin that loads and is wrong; the message is the whole reason."""


def why(error: BaseException) -> str:
    """Why a plugin failed, in one line."""
    return str(error) if isinstance(error, Broken) else reason(error)


def _results(manager: pluggy.PluginManager, module: Any, hook: str) -> Iterator[Any]:
    """What this one plugin answers; calling all implementations at once could not say who gave what."""
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        if implementation.plugin is module:
            yield implementation.function()


def families_of(manager: pluggy.PluginManager, module: Any) -> dict[str, Family]:
    """The families that a plugin adds, by name. Raises `Broken`."""
    found: dict[str, Family] = {}
    for answer in _results(manager, module, "cfgrl_families"):
        found |= _named("cfgrl_families", answer, Family)
    return found


def components_of(
    manager: pluggy.PluginManager, module: Any, absent: Collection[str]
) -> dict[str, dict[str, Component]]:
    """The components of a plugin by family and name; `absent` are the plugins that are missing. Raises `Broken`."""
    components: dict[str, dict[str, Component]] = {}
    for family in BUILT_IN:
        for answer in _results(manager, module, f"cfgrl_{family}"):
            components.setdefault(family, {}).update(_named(f"cfgrl_{family}", answer, Component))
    for answer in _results(manager, module, "cfgrl_components"):
        if not isinstance(answer, Mapping):
            raise Broken(f"cfgrl_components() returned {type(answer).__name__}, not a dict of families")
        for family, entries in answer.items():
            if family not in families():
                raise Broken(_no_family(str(family), absent))
            components.setdefault(family, {}).update(_named(f"cfgrl_components()['{family}']", entries, Component))
    return components


def _no_family(name: str, absent: Collection[str]) -> str:
    """The sentence for components of an unknown family."""
    maybe = f"; {' and '.join(absent)} and may have brought it" if absent else ""
    return f"it has components of a family '{name}', which nobody brings{did_you_mean(name, families())}{maybe}"


def _named(hook: str, answer: Any, kind: type) -> dict[str, Any]:
    """What a hook answers, checked: names and objects of `kind`."""
    hook = hook if hook.endswith("]") else f"{hook}()"
    if not isinstance(answer, Mapping):
        raise Broken(f"{hook} returned {type(answer).__name__}, not a dict of names to {kind.__name__}")
    for name, value in answer.items():
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise Broken(f"{hook} gives the name {name!r}; names are lower-case words joined by '-'")
        if not isinstance(value, kind):
            raise Broken(f"{hook} gives {type(value).__name__} for '{name}', not a {kind.__name__}")
    return dict(answer)


def presets_of(manager: pluggy.PluginManager, module: Any) -> tuple[pathlib.Path, ...]:
    """The registry files that a plugin brings. Raises `Broken`."""
    paths: list[pathlib.Path] = []
    for answer in _results(manager, module, "cfgrl_presets"):
        if isinstance(answer, str) or not isinstance(answer, Iterable):
            raise Broken(f"cfgrl_presets() returned {type(answer).__name__}, not a list of paths")
        paths.extend(pathlib.Path(path) for path in answer)
    for path in paths:
        if not path.is_file():
            raise Broken(f"cfgrl_presets() names {path}, which is not a file")
    return tuple(paths)
