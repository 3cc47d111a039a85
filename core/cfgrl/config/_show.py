"""What `cfgrl list` and `cfgrl show` say, as plain dicts and as text.

Nothing here imports a component: names come from the plugins' hooks, keys, defaults and documentation from the source
of their classes.
"""

import ast
from collections.abc import Mapping
from typing import Any

from cfgrl._errors import CfgrlError
from cfgrl.catalogue._catalogue import Entry
from cfgrl.catalogue._component import load_class
from cfgrl.catalogue._fields import Field, class_fields, source_fields
from cfgrl.catalogue._source import find_class
from cfgrl.config._build import check
from cfgrl.config._describe import describe_default, describe_type, toml_value
from cfgrl.config._layers import Preset
from cfgrl.config._registry import Registry
from cfgrl.config._tables import Overrides, dotted, flatten


def component_details(entry: Entry) -> dict[str, Any]:
    """A component's summary, documentation and keys; `keys` is `None`, with the reason, where they cannot be read."""
    component = entry.component
    source = find_class(component.target)
    details: dict[str, Any] = {
        "summary": component.summary,
        "paper": component.paper,
        "verified": component.verified,
        "docs": component.docs,
        "distribution": entry.plugin.distribution,
        "version": entry.plugin.version,
        "target": component.target,
        "doc": ast.get_docstring(source.node) if source else None,
    }
    try:
        fields = source_fields(component.target)
        # A class made by other means than `class` in a file: only importing it tells.
        fields = class_fields(load_class(component.target)) if fields is None else fields
        return details | {"keys": {name: _key(field) for name, field in fields.items()}}
    except CfgrlError as error:
        return details | {"keys": None, "problem": str(error)}


def _key(field: Field) -> dict[str, Any]:
    key = {"type": describe_type(field), "default": describe_default(field)}
    return key | {"family": field.family} if field.family else key


def preset_details(registry: Registry, preset: Preset, overrides: Overrides = ()) -> dict[str, Any]:
    """A preset's complete table with the origin of each key; `problems` says what keeps it from being trained."""
    resolved = registry.resolve(preset.name, overrides)
    details: dict[str, Any] = {
        "summary": preset.summary,
        "paper": preset.paper,
        "verified": preset.verified,
        "docs": preset.docs,
        "results": preset.results,
        "extends": preset.extends,
        "distribution": registry.packager(preset),
        "file": str(preset.origin),
        "problems": [],
    }
    try:
        table = check(resolved)
    except CfgrlError as error:
        table = resolved.table
        details["problems"] = str(error).splitlines()
    origins = {dotted(keys): str(origin) for keys, origin in resolved.origins.items()}
    return details | {"table": table, "origins": {key: origins.get(key, "default") for key, _ in flatten(table)}}


def component_text(family: str, name: str, details: Mapping[str, Any]) -> str:
    """For people."""
    lines = [f"{name} ({family}): {details['summary']}", ""]
    lines += [f"from      {details['distribution']} {details['version']} ({details['target']})"]
    lines += [f"{key:<9} {details[key]}" for key in ("paper", "verified", "docs") if details[key]]
    if details["doc"]:
        lines += ["", *details["doc"].splitlines()]
    lines += ["", "keys:" if details["keys"] else "It has no keys."]
    if details["keys"] is None:
        lines[-1] = f"Its keys cannot be read: {details['problem']}"
    for key, about in (details["keys"] or {}).items():
        default = "required" if about["default"] is None else f"default {_default_text(about)}"
        lines.append(f"  {key}: {about['type']}; {default}")
    return "\n".join(lines)


def _default_text(about: Mapping[str, Any]) -> str:
    return str(about["default"]) if "family" in about else toml_value(about["default"])


def preset_text(name: str, details: Mapping[str, Any]) -> str:
    """For people, and valid TOML: every key with its value and where it comes from."""
    about = [f"# {name}: {details['summary']}", f"# file: {details['file']}"]
    about += [f"# {key}: {details[key]}" for key in ("extends", "paper", "verified", "docs", "results") if details[key]]
    about += [f"# problem: {line.strip()}" for line in details["problems"]]
    pairs = {key: f"{key} = {toml_value(value)}" for key, value in flatten(details["table"])}
    width = min(max(map(len, pairs.values()), default=0), 60)
    return "\n".join([*about, "", *(f"{text:<{width}}  # {details['origins'][key]}" for key, text in pairs.items())])
