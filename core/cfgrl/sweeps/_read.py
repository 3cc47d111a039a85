"""Reading a `[sweep.NAME]` table: what it extends, what `--quick` lays over it, and every fault with its place."""

import functools
from collections.abc import Mapping
from typing import Any

import pydantic

from cfgrl._errors import ConfigError
from cfgrl.catalogue._component import NAME
from cfgrl.catalogue._names import did_you_mean
from cfgrl.config._layers import SweepTable
from cfgrl.config._registry import Registry
from cfgrl.config._tables import Table, dotted, flatten, lay
from cfgrl.sweeps._definition import Arm, Data, Density, Generate, Sweep


def read_sweep(name: str, registry: Registry, *, quick: bool = False) -> Sweep:
    """The sweep called `name`; `quick` lays its `quick` table over it.

    **Raises:** one `ConfigError` with every fault, each with file, line and key.
    """
    entry = _whole(name, registry)
    values = _over(entry.table.values, entry.table.values.get("quick", {})) if quick else entry.table.values
    try:
        sweep = Sweep.model_validate(values)
    except pydantic.ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise ConfigError("\n".join(dict.fromkeys(_fault(entry, fault) for fault in faults))) from error
    problems = [_said(entry, path, text) for path, text in _problems(sweep)]
    if problems:
        raise ConfigError("\n".join(problems))
    return sweep


def _whole(name: str, registry: Registry) -> SweepTable:
    """A sweep's table, laid over those that it extends."""
    entry = registry.find_sweep(name)
    lineage, parent = [entry], entry.table.values.get("extends")
    while isinstance(parent, str):
        if parent in [known.name for known in lineage]:
            raise ConfigError(_said(entry, ("extends",), f"sweeps extend each other in a circle, from '{parent}' on"))
        try:
            lineage.append(registry.find_sweep(parent))
        except ConfigError as error:
            raise ConfigError(_said(lineage[-1], ("extends",), str(error).rstrip("."))) from error
        parent = lineage[-1].table.values.get("extends")
    table = functools.reduce(lay, (known.table for known in reversed(lineage)))
    return SweepTable(name, table, entry.origin)


def _over(below: Any, above: Any) -> Any:
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    return {**below, **{key: _over(below.get(key), value) for key, value in above.items()}}


def _problems(sweep: Sweep) -> "list[tuple[tuple[str, ...], str]]":
    """What is wrong between keys that are right by themselves."""
    found: list[tuple[tuple[str, ...], str]] = []
    arms = sweep.arms
    if not arms:
        found.append(((), 'has no arms: write presets = ["NAME"] or arm.NAME.preset = "NAME"'))
    if not sweep.sources:
        found.append(((), 'has no data sets: write datasets = ["NAME"]'))
    if len(set(sweep.seeds)) < len(sweep.seeds):
        found.append((("seeds",), "must differ from each other"))
    every = {"only": ("arm", (*sweep.presets, *sweep.arm)), "only_data": ("data set", (*sweep.datasets, *sweep.data))}
    for key, (kind, known) in every.items():
        for name in (name for name in getattr(sweep, key) if name not in known):
            found.append(((key,), f"there is no {kind} '{name}'{did_you_mean(name, known)}"))
    for name in (n for n in (*arms, *sweep.data) if not NAME.fullmatch(n)):
        found.append((("arm" if name in arms else "data", name), "names are lower-case words joined by '-'"))
    if sweep.reference is not None and sweep.reference not in arms:
        found.append((("reference",), f"there is no arm '{sweep.reference}'{did_you_mean(sweep.reference, arms)}"))
    for label, data in sweep.sources.items():
        if data.name is None and (data.use is None or data.generate is not None):
            found.append((("data", label), "needs a name"))
    for name, arm in arms.items():
        found += _arm_problems(name, arm, arms)
    return found


def _arm_problems(name: str, arm: Arm, arms: Mapping[str, Arm]) -> "list[tuple[tuple[str, ...], str]]":
    found: list[tuple[tuple[str, ...], str]] = []
    source, path = arm.labeler_from, ("arm", name, "labeler_from")
    if source is not None and source not in arms:
        found.append((path, f"there is no arm '{source}'{did_you_mean(source, arms)}"))
    elif source is not None and (arms[source].labeler_from is not None or arms[source].vary):
        found.append((path, f"arm '{source}' must train its own labeler, and only one: it varies or takes another's"))
    for key, options in flatten(arm.vary):
        if not isinstance(options, list) or not options:
            found.append((("arm", name, "vary", *key.split(".")), "must be a list of values, one run each"))
    return found


def _fault(entry: SweepTable, fault: Any) -> str:
    path = tuple(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        known = _fields(path[:-1])
        return _said(
            entry, path, f"there is no key '{path[-1]}' here{did_you_mean(path[-1], known)} ({', '.join(known)})"
        )
    if fault["type"] == "missing":
        return _said(entry, path, "is missing")
    text = fault["msg"][0].lower() + fault["msg"][1:]
    return _said(entry, path, text.replace("input should", "must"))


def _fields(path: tuple[str, ...]) -> list[str]:
    """The keys of the table at `path`."""
    named: dict[str, type[pydantic.BaseModel]] = {"generate": Generate, "density": Density}
    if path and path[-1] in named:
        return list(named[path[-1]].model_fields)
    kind = Sweep if len(path) != 2 else Data if path[0] == "data" else Arm
    return list(kind.model_fields)


def _said(entry: SweepTable, path: tuple[str, ...], text: str) -> str:
    return f"{_origin(entry.table, path) or entry.origin}: {dotted(('sweep', entry.name, *path))}: {text}."


def _origin(table: Table, path: tuple[str, ...]) -> Any:
    """Where the closest key around `path` stands; what `--quick` lays over may stand below `quick`."""
    for around in (path[:n] for n in range(len(path), 0, -1)):
        for keys in (around, ("quick", *around)):
            if keys in table.origins:
                return table.origins[keys]
    return None
