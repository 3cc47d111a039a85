"""`cfgrl show NAME`: one component with its keys, or one preset with every key and where it comes from."""

import argparse
import pathlib
from typing import Any

from cfgrl._errors import ConfigError
from cfgrl.catalogue._component import families, groups
from cfgrl.files._printable import printable


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "show",
        help="one component with its keys, or one preset with its values",
        description="Show a component (documentation, keys, bounds, defaults) or a preset (every key, its value and "
        "the line it comes from). Where a name is used in several families, all are shown; FAMILY/NAME picks one.",
    )
    parser.add_argument("name", metavar="NAME", help="a name from `cfgrl list`")
    parser.add_argument("overrides", metavar="KEY=VALUE", nargs="*", help="for a preset: show it with these overrides")
    parser.add_argument(
        "--registry", metavar="FILE", type=pathlib.Path, help="registry file instead of ./registry.toml"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show; returns the exit code."""
    from cfgrl.catalogue._names import known_group
    from cfgrl.config import _show
    from cfgrl.config._registry import load_registries

    registry = load_registries(args.registry)
    family, slash, name = args.name.rpartition("/")
    family = known_group(family) if slash else family
    found: dict[str, Any] = {}
    for group in (family,) if slash else families():
        entry = registry.catalogue.entries(group).get(name) if group in families() else None
        if entry is not None:
            found[group] = {name: _show.component_details(entry)}
    preset = registry.presets().get(name) if not slash or family == "presets" else None
    if preset is not None:
        found["presets"] = {name: _show.preset_details(registry, preset, args.overrides)}
    if not found:
        raise _unknown(registry, family, name)
    if args.overrides and preset is None:
        raise ConfigError(f"'{name}' is no preset: only a preset takes KEY=VALUE.")
    if args.json:
        import json

        print(printable(json.dumps(found, indent=2, ensure_ascii=False, default=str)))
        return 0
    texts = [
        _show.preset_text(name, details[name])
        if group == "presets"
        else _show.component_text(group, name, details[name])
        for group, details in found.items()
    ]
    print(printable("\n\n\n".join(texts)))
    return 0


def _unknown(registry: Any, family: str, name: str) -> Exception:
    """The error for a name that is unknown or given twice."""
    from cfgrl._errors import CfgrlError

    for group in (family,) if family else groups():
        try:
            if group == "presets":
                registry.find(name)
            else:
                registry.catalogue.find(group, name)
        except CfgrlError as error:
            if family or not isinstance(error, ConfigError):
                return error
    names = {n for group in families() for n in registry.catalogue.entries(group)} | set(registry.presets())
    error = registry.catalogue.unknown("component or preset", name, names)
    return type(error)(f"{str(error)[0].upper()}{str(error)[1:]}; see `cfgrl list`.")
