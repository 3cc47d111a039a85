"""What a component under test is put together with: stand-ins that are simple enough to trust, and what is installed.

Stand-ins have the capabilities that the core knows. A capability that a plugin made up is looked for among the
installed components, where the package that needs it usually brings somebody who provides it.
"""

import contextlib
import functools
import inspect
import itertools
from collections.abc import Iterator
from typing import Any

from cfgrl._errors import CfgrlError, ConfigError, PluginError
from cfgrl._stage import Stage
from cfgrl.catalogue._catalogue import Catalogue, Entry, load_catalogue
from cfgrl.catalogue._component import families, load_class
from cfgrl.config._build import build_component
from cfgrl.testing._parts import EveryFact, LinearFlow, LinearGaussian

PARTS = ("labelers", "policies", "guidance")


def family_of(component: Any) -> str:
    """The family of a component or class. Raises `TypeError` for what is none."""
    cls = component if isinstance(component, type) else type(component)
    load_catalogue()  # which finds the families of plugins
    known = families()
    for family, about in known.items():
        with contextlib.suppress(PluginError):  # A plugin whose base class is broken is not what is being checked.
            if issubclass(cls, load_class(about.base)):
                return family
    names = ", ".join(about.base.partition(":")[2] for about in known.values())
    raise TypeError(f"{cls.__name__} is no component: it is a subclass of none of {names}.")


def instance(component: Any) -> Any:
    """A component as it is; a class with its defaults, or, where some are missing, by the example of its catalogue
    entry.
    """
    if not isinstance(component, type):
        return component
    if inspect.isabstract(component):
        missing = ", ".join(sorted(component.__abstractmethods__))
        raise TypeError(f"{component.__name__} is abstract; it lacks {missing}.")
    try:
        return component()
    except TypeError as error:
        entry = _entry(component)
        if entry is None or not entry.component.example:
            raise TypeError(
                f"{component.__name__} cannot be made without arguments ({error}): hand over an instance, or give its "
                "`Component` an `example`."
            ) from error
        return build_component(load_catalogue(), entry.family, entry.name, entry.component.example)


def whole(guidance: Any) -> tuple[Any, Any]:
    """A labeler and a policy that provide all that a guidance can ask for; a stand-in each where that is enough."""
    return _first(guidance, [EveryFact()], [LinearFlow(), LinearGaussian()])


def barely(guidance: Any) -> tuple[Any, Any]:
    """A labeler and a policy that provide what a guidance says it needs, and as little beyond it as there is."""
    return _first(guidance, [EveryFact(guidance.needs & EveryFact().provides)], [LinearGaussian(), LinearFlow()])


def _first(guidance: Any, labelers: list[Any], policies: list[Any]) -> tuple[Any, Any]:
    for made in itertools.product(labelers, policies):
        if guidance.needs <= made[0].provides | made[1].provides:
            return made
    for made in itertools.product([*labelers, *_installed("labelers")], [*policies, *_installed("policies")]):
        if guidance.needs <= made[0].provides | made[1].provides:
            return made
    raise AssertionError(f"no installed labeler and policy provide {', '.join(sorted(guidance.needs))} together")


def combinations(component: Any) -> Iterator[tuple[str, Stage]]:
    """Stages of a labeler, policy or guidance with built-in parts, so that each that fits is met at least once."""
    family = family_of(component)
    first, second = (part for part in PARTS if part != family)
    fitting = []
    for (a, x), (b, y) in itertools.product(built_in(first).items(), built_in(second).items()):
        given = {family: component, first: x, second: y}
        try:
            fitting.append((a, b, Stage(given["labelers"], given["policies"], given["guidance"])))
        except ConfigError:
            continue
    met: set[tuple[str, str]] = set()
    for a, b, stage in fitting:
        if not {(first, a), (second, b)} <= met:
            met |= {(first, a), (second, b)}
            yield f"{a} and {b}", stage


@functools.cache
def built_in(family: str) -> dict[str, Any]:
    """The components that come with cfgrl, with their defaults, by name; whatever else is installed."""
    catalogue = Catalogue(tuple(plugin for plugin in load_catalogue().plugins if plugin.distribution == "cfgrl"))
    return {name: _made(catalogue, entry) for name, entry in catalogue.entries(family).items()}


def _made(catalogue: Catalogue, entry: Entry) -> Any:
    return build_component(catalogue, entry.family, entry.name, entry.component.example)


def _installed(family: str) -> Iterator[Any]:
    """What is installed and can be made; a broken neighbour is not what is being checked."""
    catalogue = load_catalogue()
    for entry in catalogue.entries(family).values():
        with contextlib.suppress(CfgrlError):
            yield _made(catalogue, entry)


def _entry(cls: type) -> Entry | None:
    family = family_of(cls)
    name = load_catalogue().name_of(family, cls)
    return load_catalogue().entries(family)[name] if name else None
