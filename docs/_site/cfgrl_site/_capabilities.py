"""What labelers and policies provide and what guidance needs, asked of their instances."""

import inspect
import typing
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from cfgrl import CfgrlError
from cfgrl._capability import CAPABILITIES
from cfgrl.catalogue._fields import Field, class_fields
from cfgrl.config._describe import toml_value

#: Which attribute of a class says it, by family.
SIDE = {"labelers": "provides", "policies": "provides", "guidance": "needs", "events": "provides"}


class Variant(NamedTuple):
    """A component with one key set, or as it comes where `setting` is empty, and its capabilities.

    `short` is the setting without the name of its table: `event.use = "binary"`.
    """

    short: str
    capabilities: frozenset[str]


def variants(family: str, component: Any, others: Mapping[str, Any]) -> list[Variant]:
    """The component as it comes, and with each single key that changes what it provides or needs.

    **Arguments:**

    - `family`, `component`: one of the catalogue.
    - `others`: the components of all families by family and name, for keys that hold one.
    """
    cls, side = component.load(), SIDE[family]
    found = [Variant("", getattr(cls(**component.example), side))]
    for field in class_fields(cls).values():
        for short, value in _values(field, others):
            try:
                capabilities = getattr(cls(**{**component.example, field.name: value}), side)
            except CfgrlError:
                continue  # A value that asks for others beside it.
            if capabilities not in [variant.capabilities for variant in found]:
                found.append(Variant(short, capabilities))
    return found


def _values(field: Field, others: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What a key may be: the words of a choice, and the components that an optional one may hold."""
    for arm in (field.annotation, *typing.get_args(field.annotation)):
        if typing.get_origin(arm) is typing.Literal:
            yield from ((f"{field.name} = {toml_value(choice)}", choice) for choice in typing.get_args(arm))
    if field.kind == "component" and (field.default is None or field.family == "events"):
        for name, component in others[field.family].items():
            yield f"{field.name}.use = {toml_value(name)}", component.load()(**component.example)


def explained(family: str, cls: type) -> str:
    """What the class says about capabilities that depend on its keys; empty where they do not."""
    attribute = inspect.getattr_static(cls, SIDE[family])
    return (inspect.getdoc(attribute) or "") if isinstance(attribute, property) else ""


def dial(cls: type, example: Mapping[str, Any]) -> str:
    """Whether guidance has a dial, and its default."""
    weight = cls(**example).weight
    attribute = inspect.getattr_static(cls, "weight", None)
    said = inspect.getdoc(attribute) if isinstance(attribute, property) and "weight" in vars(cls) else None
    if said:
        return said
    return "none" if weight is None else f"w, {float(weight):g} by default"


def missing(needs: frozenset[str], provided: frozenset[str], part: str) -> list[str]:
    """What of `needs` a labeler or a policy (`part`) would have to provide, and does not."""
    known = {name for name, (who, _) in CAPABILITIES.items() if who == part}
    return sorted((needs & known) - provided)


def distinct(found: list[Variant], part: str) -> list[Variant]:
    """Of the variants of a guidance those that differ in what they need of one part."""
    known = {name for name, (who, _) in CAPABILITIES.items() if who == part}
    found_by: dict[frozenset[str], Variant] = {}
    for variant in found:
        found_by.setdefault(variant.capabilities & known, variant)
    return list(found_by.values())
