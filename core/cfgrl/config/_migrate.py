"""Keys that were renamed: a run's configuration is brought to today's, and a user's file is told the new name.

`TABLES` holds one function for each change of a component's keys, from the old table to the new one. A run that an
earlier version wrote goes through all of them when it is read; a registry or an override with an old key does not: it
is an error that says what to write instead.
"""

from collections.abc import Callable
from typing import Any

Values = dict[str, Any]

#: Which event an old optimality is, with its keys and their old defaults.
_EVENTS: dict[str, Values] = {
    "binary": {"threshold": 0.0},
    "quantile": {"quantile": 0.5},
    "bernoulli": {"temperature": 1.0},
    "exponential": {"temperature": 1.0, "cap": 100.0},
    "levels": {"levels": 5},
    "advantage": {"temperature": 1.0, "target": 1.0},
}
_OPTIONS = sorted({key for keys in _EVENTS.values() for key in keys})
#: Keys of `cfg` that another key replaced, and what to write.
_RENAMED = {
    "nulls": '"goal" is event.use = "goal", "optimality" an event such as event.use = "binary"',
    "optimality": 'its value is the name of an event: event.use = "binary"',
    "training": '"dropout" is use = "cfg", "branches" is use = "cfg-branches"',
    "unconditional": 'it is a key of use = "cfg-branches"',
    **{option: f"it is a key of the event: event.{option}" for option in _OPTIONS},
}


def _event_of_cfg(table: Values) -> Values:
    """`cfg` before events: `nulls`, `optimality` and their options, and `training` for the form of the loss."""
    if table.get("use") != "cfg" or not {"nulls", "training", "optimality"} & set(table):
        return table
    branches = table.get("training", "dropout") == "branches"
    kept = ("weight", "unconditional") if branches else ("weight", "dropout")
    event: Values = {"use": "goal"}
    if table.get("nulls", "goal") == "optimality":
        name = table.get("optimality", "binary")
        event = {"use": name, **{key: table.get(key, default) for key, default in _EVENTS.get(name, {}).items()}}
    use = {"use": "cfg-branches" if branches else "cfg"}
    return use | {key: value for key, value in table.items() if key in kept} | {"event": event}


#: In the order in which the keys changed.
TABLES: tuple[Callable[[Values], Values], ...] = (_event_of_cfg,)


def migrate(values: Values) -> Values:
    """A run's configuration, whichever version wrote it, with the keys of this one."""
    for change in TABLES:
        values = change(values)
    return {key: migrate(value) if isinstance(value, dict) else value for key, value in values.items()}


def renamed(use: Any, key: str) -> str | None:
    """What to write instead of an old key of the component `use`, as the rest of a sentence; `None` if it is none."""
    return _RENAMED.get(key) if use in ("cfg", "cfg-branches") else None
