"""Configuration tables that remember where each key came from, and how one table is laid over another.

A table with another `use` replaces the one below it, keys and all: the keys of AWR mean nothing to CFG. Any other
table merges, key by key.
"""

import json
import pathlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from cfgrl._errors import ConfigError
from cfgrl.config._toml import MOST_PARTS, misfits, shown

Keys = tuple[str, ...]
#: Overrides of a preset: `["guidance.weight=1.5"]` from a command line, `{"guidance.weight": 1.5}` from Python.
Overrides = Sequence[str] | Mapping[str, Any]

_KEY = re.compile(r"[A-Za-z0-9_-]+")


class Origin(NamedTuple):
    """Where a key was set: a line of a file, or an override (`file` is `None`)."""

    file: pathlib.Path | None
    line: int | None = None

    def __str__(self) -> str:
        if self.file is None:
            return "override"
        return f"{shown(self.file)}:{self.line}" if self.line else shown(self.file)


class Table(NamedTuple):
    """Nested `values` and, for each path of keys in it, its origin."""

    values: dict[str, Any]
    origins: dict[Keys, Origin]


def empty() -> Table:
    """A table without keys."""
    return Table({}, {})


def lay(below: Table, above: Table) -> Table:
    """`above` laid over `below`; neither is changed."""
    merged = Table(_copy(below.values), dict(below.origins))
    _lay(merged, merged.values, above, above.values, ())
    return merged


def _lay(merged: Table, below: dict[str, Any], above: Table, values: dict[str, Any], path: Keys) -> None:
    for key, value in values.items():
        here = (*path, key)
        old = below.get(key)
        if isinstance(value, dict) and isinstance(old, dict) and not _replaces(value, old):
            merged.origins[here] = above.origins[here]
            _lay(merged, old, above, value, here)
            continue
        for known in _paths(old, here) if key in below else ():
            merged.origins.pop(known, None)
        below[key] = _copy(value)
        merged.origins.update({known: above.origins[known] for known in _paths(value, here) if known in above.origins})


def _paths(value: Any, here: Keys) -> Iterator[Keys]:
    """The path of a key and of all keys below it."""
    yield here
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, (*here, key))


def _replaces(above: dict[str, Any], below: dict[str, Any]) -> bool:
    # Below a table without `use` (such as one of `[defaults]`) the first `use` names its component: it merges.
    return "use" in above and "use" in below and above["use"] != below["use"]


def _copy(value: Any) -> Any:
    return {key: _copy(v) for key, v in value.items()} if isinstance(value, dict) else value


def part(table: Table, keys: Sequence[str]) -> Table:
    """The named top-level keys alone."""
    return Table(
        {key: value for key, value in table.values.items() if key in keys},
        {path: origin for path, origin in table.origins.items() if path[0] in keys},
    )


def nest(table: Table, path: Keys) -> Table:
    """The same table below `path`."""
    values, origins = table.values, {(*path, *keys): origin for keys, origin in table.origins.items()}
    for depth in range(len(path), 0, -1):
        values = {path[depth - 1]: values}
        origins[path[:depth]] = next(iter(table.origins.values()))
    return Table(values, origins)


def flatten(values: Mapping[str, Any], path: Keys = ()) -> Iterator[tuple[str, Any]]:
    """Every key that holds no table, in dotted form, with its value."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from flatten(value, (*path, key))
        else:
            yield dotted((*path, key)), value


def dotted(path: Sequence[str | int]) -> str:
    """A path of keys as a user would write it."""
    return ".".join(key if _KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False) for key in map(str, path))


def parse_overrides(overrides: Overrides) -> Table:
    """Overrides as one table; among themselves a later one wins, and their order does not matter otherwise.

    Raises `ConfigError` if one is not `KEY=VALUE`.
    """
    pairs = overrides.items() if isinstance(overrides, Mapping) else map(_split, overrides)
    table = empty()
    for key, value in pairs:
        keys = key.split(".") if isinstance(key, str) else [""]
        if not all(_KEY.fullmatch(k) for k in keys):
            raise ConfigError(f"override: '{key}' is not a key; keys look like guidance.weight.")
        if len(keys) > MOST_PARTS:
            raise ConfigError(f"override: a key of {len(keys):,} parts; keys look like guidance.weight.")
        for path, fault in misfits(value):
            raise ConfigError(f"override: {dotted([*keys, *path[:MOST_PARTS]])}: {fault}.")
        _set(table, tuple(keys), _plain(value))
    return table


def _split(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"override: '{text}' has no '='; write KEY=VALUE, such as guidance.weight=1.5.")
    return key.strip(), _value(value.strip())


def _value(text: str) -> Any:
    """The value as TOML, else as a bare string: `guidance.use=cfg` needs no quotes."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):  # no TOML, or a number of 5,000 digits
        return text
    return parsed["value"] if len(parsed) == 1 else text


def _plain(value: Any) -> Any:
    """A Python value as TOML has it: tuples and arrays as lists, scalars of NumPy and jax as numbers, no `None`."""
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        return {str(key): _plain(v) for key, v in value.items()}
    if isinstance(value, str | bool | int | float):
        return value
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _set(table: Table, path: Keys, value: Any) -> None:
    values = table.values
    for depth, key in enumerate(path[:-1], start=1):
        values = values.setdefault(key, {})
        table.origins[path[:depth]] = Origin(None)
        if not isinstance(values, dict):
            raise ConfigError(f"override: {dotted(path)} and {dotted(path[:depth])} contradict each other.")
    old = values.get(path[-1])
    if isinstance(old, dict) != isinstance(value, dict) and path[-1] in values:
        raise ConfigError(f"override: {dotted(path)} is given both as a table and as a value.")
    table.origins[path] = Origin(None)
    if isinstance(value, dict):
        values.setdefault(path[-1], {})
        for key, inner in value.items():
            _set(table, (*path, key), inner)
    else:
        values[path[-1]] = value
