"""Checks one value of a TOML file against one field, by the same functions as a value from Python."""

import enum
import pathlib
from typing import Any

from cfgrl._values import TOML, Invalid, check_scalar, check_value
from cfgrl.catalogue._fields import Field


def validate(field: Field, value: Any) -> Any:
    """The value as the class takes it. Raises `Invalid`."""
    if field.optional and value == "none":
        return None
    if field.kind == "scalar":
        check_scalar(value, field.bounds, field.optional, TOML)
        return float(value)
    try:
        return check_value(field.annotation, value, field.optional, TOML)
    except Invalid:
        # 1e6 is how people write a million: TOML calls it a float.
        if isinstance(value, float) and value.is_integer():
            return check_value(field.annotation, int(value), field.optional, TOML)
        raise


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
