"""Types, bounds and values in the words and the notation of a TOML file."""

import datetime
import json
import types
import typing
from collections.abc import Mapping
from typing import Any

import annotated_types

from cfgrl.catalogue._fields import MISSING, Field, SourceDefault
from cfgrl.config._tables import dotted

_NAMES = {
    int: "whole number",
    float: "number",
    bool: "true or false",
    str: "string",
    type(None): '"none"',
    Any: "anything",
}
_BOUNDS = {"ge": "at least", "gt": "greater than", "le": "at most", "lt": "less than", "multiple_of": "a multiple of"}


def describe_type(field: Field) -> str:
    """What a key takes, such as `number, at least 0`."""
    if field.kind == "scalar":
        words = ", ".join(["number", *(f"{_BOUNDS[key]} {bound:g}" for key, bound in field.bounds.items())])
    elif field.kind == "component":
        words = f"table with `use`, one of the {field.family}"
    elif field.kind == "value":
        return _describe_annotation(field.annotation)
    else:
        return field.text or "unknown"
    return f'{words}, or "none"' if field.optional else words


def describe_default(field: Field) -> Any:
    """The default as a file would have it; `None` if there is none."""
    if field.default is MISSING:
        return None
    if isinstance(field.default, SourceDefault):
        given = ", ".join(f"{key} = {toml_value(value)}" for key, value in field.default.given.items())
        return f"{field.default.source.node.name}({given})"
    if field.default is None:
        return "none"
    return list(field.default) if isinstance(field.default, tuple) else field.default


def _describe_annotation(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return ", ".join([_describe_annotation(arguments[0]), *filter(None, map(_describe_constraint, arguments[1:]))])
    if origin is typing.Literal:
        return " or ".join(toml_value(choice) for choice in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_describe_annotation(arm) for arm in arguments)
    if origin in (tuple, list) and arguments:
        inner = [_describe_annotation(a) for a in arguments if a is not ...]
        return f"list of ({inner[0]})" if origin is list or ... in arguments else f"list ({'; '.join(inner)})"
    return _NAMES.get(annotation, str(getattr(annotation, "__name__", annotation)))


def _describe_constraint(constraint: Any) -> str:
    if isinstance(constraint, annotated_types.Len | annotated_types.MinLen | annotated_types.MaxLen):
        least, most = getattr(constraint, "min_length", 0), getattr(constraint, "max_length", None)
        return f"{least} or more of them" if most is None else f"{least} to {most} of them"
    bounds = ((words, getattr(constraint, key, None)) for key, words in _BOUNDS.items())
    return " and ".join(f"{words} {bound:g}" for words, bound in bounds if bound is not None)


def toml_value(value: Any) -> str:
    """A value in TOML's notation, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{dotted([key])} = {toml_value(v)}" for key, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else repr(value)
