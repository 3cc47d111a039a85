"""Checks one value of a TOML file against one field, and says in plain words what would have been right."""

import enum
import json
import math
import pathlib
import re
import struct
from typing import Any

import pydantic

from cfgrl.catalogue._fields import Field
from cfgrl.catalogue._names import did_you_mean

_BOUNDS = {"ge": "at least", "gt": "greater than", "le": "at most", "lt": "less than"}
_NAMES = {
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_type": "must be a string",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a table",
    "finite_number": "must be finite",
    "none_required": "must be \"none\"",
}  # fmt: skip
# Strict, so that `true` is no number and "3" no integer; over JSON, so that TOML's lists may become tuples.
_CONFIG = pydantic.ConfigDict(allow_inf_nan=False)


class Invalid(ValueError):
    """A value that does not fit; the message continues the sentence that its key begins."""


def validate(field: Field, value: Any) -> Any:
    """The value as the class takes it. Raises `Invalid`."""
    if field.optional and value == "none":
        return None
    if field.kind == "scalar":
        return _scalar(field, value)
    return _value(field, value)


def plain(value: Any) -> Any:
    """A value as TOML has it: `None` is written "none", tuples are lists."""
    if value is None:
        return "none"
    if isinstance(value, pathlib.PurePath):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, set | frozenset):
        return sorted(plain(v) for v in value)
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value


def short(value: Any) -> float:
    """A float32 as its shortest decimal: 0.1, not 0.10000000149."""
    number = float(value)
    for digits in range(1, 10):
        rounded = float(f"{number:.{digits}g}")
        if struct.pack("f", rounded) == struct.pack("f", number):
            return rounded
    return number


def _scalar(field: Field, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Invalid(f"must be a finite number{_or_none(field)}, not {_show(value)}")
    broken = [f"{_BOUNDS[key]} {bound:g}" for key, bound in field.bounds.items() if not _within(key, value, bound)]
    if broken:
        raise Invalid(f"must be {' and '.join(broken)}, not {_show(value)}")
    return float(value)


def _within(key: str, value: int | float, bound: int | float) -> bool:
    return {"ge": value >= bound, "gt": value > bound, "le": value <= bound, "lt": value < bound}[key]


def _value(field: Field, value: Any) -> Any:
    adapter = pydantic.TypeAdapter(field.annotation, config=_CONFIG)
    try:
        return adapter.validate_json(json.dumps(value), strict=True)
    except TypeError as error:
        raise Invalid(f"must not be a {type(value).__name__}") from error
    except pydantic.ValidationError as error:
        # 1e6 is how people write a million: TOML calls it a float.
        wants_int = any(e["type"].startswith("int_") for e in error.errors())
        if wants_int and isinstance(value, float) and value.is_integer():
            return _value(field, int(value))
        raise Invalid(_explain(field, value, error.errors(include_url=False))) from None


def _explain(field: Field, value: Any, errors: "list[Any]") -> str:
    """The first complaint of pydantic; in a union those of the arms, joined."""
    union = {tuple(e["loc"]) for e in errors}
    told: dict[str, None] = {}
    for error in errors if len(union) > 1 and not isinstance(value, list) else errors[:1]:
        told[_sentence(error)] = None
    text = " or ".join(told)
    place = next((f" (element {p})" for p in reversed(errors[0]["loc"]) if isinstance(p, int)), "")
    wrong = errors[0]["input"]
    hint = ""
    if errors[0]["type"] == "literal_error" and isinstance(wrong, str):
        hint = did_you_mean(wrong, re.findall("'([^']*)'", errors[0]["ctx"]["expected"]))
    return f"{text}{_or_none(field)}, not {_show(wrong)}{place}{hint}"


def _sentence(error: "dict[str, Any]") -> str:
    if error["type"] == "literal_error":
        return f"must be {error['ctx']['expected']}"
    text = error["msg"][0].lower() + error["msg"][1:]
    return _NAMES.get(error["type"]) or text.replace("input should ", "must ")


def _or_none(field: Field) -> str:
    return ' or "none"' if field.optional else ""


def _show(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:59] + "…"
