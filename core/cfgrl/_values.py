"""What a value must be, as sentences: one check for arguments in Python and for keys in a file.

Nothing here imports jax: commands check a file before anything heavy is imported.
"""

import dataclasses
import difflib
import functools
import json
import math
import re
import struct
import types
import typing
from typing import Any, NamedTuple

from cfgrl._errors import ConfigError

_BOUNDS = {"ge": "at least", "gt": "greater than", "le": "at most", "lt": "less than"}
#: What pydantic calls a bound that does not hold.
_KINDS = {"greater_than_equal": "ge", "greater_than": "gt", "less_than_equal": "le", "less_than": "lt"}
#: A longer text is no misspelt choice, and comparing takes the square of the length.
_LONGEST = 100


class Notation(NamedTuple):
    """How a sentence names things: as Python has them, or as a TOML file does."""

    none: str
    list: str
    table: str
    bool: str
    show: Any


PYTHON = Notation("None", "a tuple", "a dict", "True or False", repr)
TOML = Notation(
    '"none"', "a list", "a table", "true or false", functools.partial(json.dumps, default=str, ensure_ascii=False)
)


class Invalid(ValueError):
    """A value that does not fit; the message continues the sentence that its name begins."""


def check_fields(instance: Any) -> None:
    """Check every field of a dataclass. Raises one `ConfigError` with all that is wrong."""
    wrong = []
    for name, spec in _specs(type(instance)).items():
        try:
            spec.check(getattr(instance, name))
        except Invalid as error:
            wrong.append(f"{name} {error}")
    if wrong:
        text = f"{type(instance).__name__}: {'; '.join(wrong)}"
        raise ConfigError(text if text.endswith("?") else f"{text}.")


class _Spec(NamedTuple):
    """What a field takes: numbers within `bounds`, a component derived from `base`, or a value of `annotation`."""

    optional: bool
    bounds: dict[str, float] | None = None
    base: type | None = None
    annotation: Any = None

    def check(self, value: Any) -> None:
        if value is None and self.optional:
            return
        if self.bounds is not None:
            _check_numbers(value, self.bounds, self.optional)
        elif self.base is None:
            check_value(self.annotation, value, self.optional, PYTHON)
        elif not isinstance(value, self.base):
            article = "an" if self.base.__name__[0] in "AEIOU" else "a"
            component = getattr(value, "is_component", False) and not isinstance(value, type)
            what = type(value).__name__ if component else shown(value, PYTHON)
            raise Invalid(f"must be {article} {self.base.__name__}{or_none(self.optional, PYTHON)}, not {what}")


@functools.cache
def _specs(cls: type) -> dict[str, _Spec]:
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except Exception:  # an annotation that cannot be read: `cfgrl.testing` and the configuration say so
        return {}
    found = {}
    for field in dataclasses.fields(cls):
        if "scalar" in field.metadata:
            declared = dict(field.metadata["scalar"])
            optional = bool(declared.pop("optional", False))
            bounds = {key: bound for key, bound in declared.items() if bound is not None}
            found[field.name] = _Spec(optional, bounds=bounds)
        elif field.init and not field.metadata.get("static"):
            spec = _from_annotation(hints[field.name])
            found |= {field.name: spec} if spec is not None else {}
    return found


def _from_annotation(hint: Any) -> _Spec | None:
    arms = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    optional = type(None) in arms
    for arm in arms:
        if isinstance(arm, type) and getattr(arm, "is_component", False):
            return _Spec(optional, base=arm)
    return _Spec(optional, annotation=hint) if _is_plain(hint) else None


def _is_plain(hint: Any) -> bool:
    """Whether an annotation is made of what a file can hold; arrays, functions and modules are not looked at."""
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _is_plain(typing.get_args(hint)[0])
    if origin is typing.Literal or hint in (int, float, bool, str, type(None), ...):
        return True
    inside = typing.get_args(hint)
    return origin in (typing.Union, types.UnionType, tuple, list, dict) and bool(inside) and all(map(_is_plain, inside))


def _check_numbers(value: Any, bounds: dict[str, float], optional: bool) -> None:
    """A scalar from Python: a number or an array of them, each within the bounds as 32-bit floats have them."""
    if not hasattr(value, "dtype"):
        return check_scalar(value, bounds, optional, PYTHON)
    import numpy as np

    try:
        numbers = np.asarray(value, np.float32).ravel()
    except TypeError:  # traced or abstract: there is no number yet
        return None
    for number in numbers:
        rounded = {key: float(np.float32(bound)) for key, bound in bounds.items()}
        shortest = short(number)
        check_scalar(int(shortest) if shortest.is_integer() else shortest, rounded, optional, PYTHON)


def check_scalar(value: Any, bounds: dict[str, float], optional: bool, notation: Notation) -> None:
    """Raise `Invalid` for anything but a finite number within `bounds` (`ge`, `gt`, `le`, `lt`)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Invalid(f"must be a finite number{or_none(optional, notation)}, not {shown(value, notation)}")
    broken = [f"{_BOUNDS[key]} {short(bound):g}" for key, bound in bounds.items() if not _within(key, value, bound)]
    if broken:
        raise Invalid(f"must be {' and '.join(broken)}, not {shown(value, notation)}")


def check_value(annotation: Any, value: Any, optional: bool, notation: Notation) -> Any:
    """The value as `annotation` has it (lists become tuples). Raises `Invalid`."""
    import pydantic

    try:
        return _adapter(annotation, str(annotation), notation is PYTHON).validate_json(
            json.dumps(value, default=_unwrapped), strict=True
        )
    except TypeError as error:
        raise Invalid(f"must not be a {type(value).__name__}") from error
    except pydantic.ValidationError as error:
        raise Invalid(_explain(value, error.errors(include_url=False), optional, notation)) from None


@functools.lru_cache(maxsize=1024)
def _adapter(annotation: Any, text: str, infinite: bool) -> Any:
    """Pydantic's checker; `text` tells choices apart that are equal and listed in another order.

    A file holds finite numbers only, which the hyperparameters declared by `scalar` are too; other numbers of Python
    may be `infinite`.
    """
    del text
    import pydantic

    # Strict, so that `true` is no number and "3" no integer; over JSON, so that lists may become tuples.
    return pydantic.TypeAdapter(annotation, config=pydantic.ConfigDict(allow_inf_nan=infinite))


def _unwrapped(value: Any) -> Any:
    """NumPy's and jax's numbers and arrays as Python's."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(type(value).__name__)


def short(value: Any) -> float:
    """A float32 as its shortest decimal: 0.1, not 0.10000000149."""
    number = float(value)
    for digits in range(1, 10):
        rounded = float(f"{number:.{digits}g}")
        if struct.pack("f", rounded) == struct.pack("f", number):
            return rounded
    return number


def _within(key: str, value: float, bound: float) -> bool:
    return {"ge": value >= bound, "gt": value > bound, "le": value <= bound, "lt": value < bound}[key]


def _explain(value: Any, errors: "list[Any]", optional: bool, notation: Notation) -> str:
    """The first complaint of pydantic; in a union those of the arms, joined."""
    several = len({tuple(e["loc"]) for e in errors}) > 1 and not isinstance(value, list | tuple)
    text = " or ".join(dict.fromkeys(_sentence(error, notation) for error in (errors if several else errors[:1])))
    place = next((f" (element {p})" for p in reversed(errors[0]["loc"]) if isinstance(p, int)), "")
    wrong, hint = errors[0]["input"], ""
    if errors[0]["type"] == "literal_error" and isinstance(wrong, str) and len(wrong) <= _LONGEST:
        close = difflib.get_close_matches(wrong, re.findall("'([^']*)'", errors[0]["ctx"]["expected"]), 1, 0.55)
        hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"{text}{or_none(optional, notation)}, not {shown(wrong, notation)}{place}{hint}"


def _sentence(error: "dict[str, Any]", notation: Notation) -> str:
    if error["type"] == "literal_error":
        return f"must be {error['ctx']['expected']}"
    known = {
        "int_type": "a whole number", "int_from_float": "a whole number", "float_type": "a number",
        "bool_type": notation.bool, "string_type": "a string", "tuple_type": notation.list, "list_type": notation.list,
        "dict_type": notation.table, "finite_number": "finite", "none_required": notation.none,
    }  # fmt: skip
    if error["type"] in known:
        return f"must be {known[error['type']]}"
    for kind, key in _KINDS.items():
        if error["type"] == kind:
            return f"must be {_BOUNDS[key]} {error['ctx'][key]:g}"
    if error["type"] == "too_short":
        least = error["ctx"]["min_length"]
        return f"must have at least {least} element{'s' * (least > 1)}"
    return (error["msg"][0].lower() + error["msg"][1:]).replace("input should ", "must ")


def or_none(optional: bool, notation: Notation) -> str:
    """The end of a sentence about a value that may be left out."""
    return f" or {notation.none}" if optional else ""


def shown(value: Any, notation: Notation) -> str:
    """A value in a sentence, cut if it is long."""
    text = notation.show(value)
    return text if len(text) <= 60 else text[:59] + "…"
