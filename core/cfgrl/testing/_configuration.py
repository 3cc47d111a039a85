"""Checks of a component's fields as the keys of a registry file."""

import dataclasses
import types
import typing
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import pydantic

from cfgrl._errors import PluginError
from cfgrl._network import Network
from cfgrl._values import Invalid, short
from cfgrl.catalogue._component import reason
from cfgrl.catalogue._fields import Field, class_fields, source_fields
from cfgrl.config._validate import plain, validate
from cfgrl.testing._check import rule


@rule()
def fields_are_keys(component: Any) -> None:
    """Every field can be written in a registry file: an annotation that pydantic knows, `scalar()`, or a component."""
    try:
        fields = class_fields(type(component))
    except PluginError as error:
        raise AssertionError(str(error)) from error
    for name, field in fields.items():
        if field.kind == "value":
            try:
                pydantic.TypeAdapter(field.annotation).json_schema()
            except Exception as error:
                raise AssertionError(f"`{name}` cannot be set in a registry file: {reason(error)}") from error


@rule()
def configuration_round_trips(component: Any) -> None:
    """Written as the keys of a file and read again, the component is the same."""
    given = {name: validate(field, _written(field, getattr(component, name))) for name, field in _keys(component)}
    for field in dataclasses.fields(type(component)):
        if field.init:
            given.setdefault(field.name, getattr(component, field.name))
    again = type(component)(**given)
    for field in dataclasses.fields(type(component)):
        before, after = getattr(component, field.name), getattr(again, field.name)
        assert _alike(before, after), f"`{field.name}` is {before!r}, written and read again {after!r}"


@rule(lambda component: isinstance(component, eqx.Module) and not isinstance(component, Network))
def numbers_are_traced(component: Any) -> None:
    """A field that is a float is declared with `scalar()`: another value of it would otherwise compile again."""
    for name, field in class_fields(type(component)).items():
        assert field.kind != "value" or not _is_float(field.annotation), (
            f"`{name}` is a float, so that each value compiles anew: declare it as "
            f'`{name}: Float[Array, ""] = cfgrl.scalar(…)`'
        )
        if field.kind == "scalar" and getattr(component, name) is not None:
            value = jnp.asarray(getattr(component, name))
            assert value.shape == () and value.dtype == jnp.float32, f"`{name}` is no float32 array of shape ()"


@rule()
def keys_are_read_from_the_source(component: Any) -> None:
    """`cfgrl show` can tell the keys without importing the class: what its source says is what the class has."""
    cls = type(component)
    found = source_fields(f"{cls.__module__}:{cls.__qualname__}") if "<locals>" not in cls.__qualname__ else None
    if found is None:  # Made by other means than a class in a file; then the class is imported to tell.
        return
    expected = {name: field.kind for name, field in class_fields(cls).items()}
    known = {name: field.kind for name, field in found.items()}
    unsure = {name for name, kind in known.items() if kind == "unknown"}
    assert known.keys() == expected.keys() and not unsure, (
        f"the source tells the keys {sorted(known)}, unsure of {sorted(unsure)}; the class has {sorted(expected)}"
    )


def accepts(field: Field, value: Any) -> bool:
    """Whether a file may set the field to a value."""
    try:
        validate(field, value)
    except Invalid:
        return False
    return True


def _keys(component: Any) -> list[tuple[str, Field]]:
    """The fields that are values of a file; components inside are their own."""
    return [(n, f) for n, f in class_fields(type(component)).items() if f.kind in ("value", "scalar")]


def _written(field: Field, value: Any) -> Any:
    if value is None:
        return "none"
    return short(value) if field.kind == "scalar" else plain(value)


def _alike(before: Any, after: Any) -> bool:
    return before is after or bool(eqx.tree_equal(before, after))


def _is_float(annotation: Any) -> bool:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _is_float(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return any(_is_float(arm) for arm in arguments)
    return annotation is float  # A list of them is no number that enters arithmetic as it is.


CHECKS = (
    fields_are_keys,
    configuration_round_trips,
    numbers_are_traced,
    keys_are_read_from_the_source,
)
