"""`cfgrl list [FAMILY]`: what is installed, by family, and the presets."""

import argparse
import pathlib
import sys
from typing import Any

from cfgrl.files._printable import printable


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "list",
        help="what is installed: components and presets",
        description="List components by family, and presets. `cfgrl show NAME` tells more about one of them.",
    )
    parser.add_argument("family", metavar="FAMILY", nargs="?", help="labelers, policies, …, presets; or a plugin's")
    parser.add_argument(
        "--registry", metavar="FILE", type=pathlib.Path, help="registry file instead of ./registry.toml"
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List; returns the exit code."""
    from cfgrl.catalogue._component import groups
    from cfgrl.catalogue._names import known_group
    from cfgrl.config._registry import load_registries

    registry = load_registries(args.registry)
    wanted = (known_group(args.family),) if args.family else groups()
    listed = {group: _presets(registry) if group == "presets" else _components(registry, group) for group in wanted}
    if args.json:
        import json

        print(json.dumps(listed, indent=2, ensure_ascii=False))
    else:
        print(printable("\n\n".join(_text(group, entries) for group, entries in listed.items())))
    for note in notes(registry):
        print(f"cfgrl: note: {printable(note)}", file=sys.stderr)
    return 0


def notes(registry: Any) -> list[str]:
    """What is missing from the list, and why."""
    from cfgrl.catalogue._plugins import unknown_selection

    lines = [
        f"{plugin.distribution} {plugin.version} ({plugin.module}) did not load: {reason}; see `cfgrl plugins`."
        for plugin in registry.catalogue.failures()
        for reason in [str(plugin.failure).rstrip(".")]
    ]
    lines += [f"{line}." for line in unknown_selection()]
    return lines + [f"left out: {line}." for line in registry.conflicts()]


def _components(registry: Any, family: str) -> dict[str, Any]:
    return {
        name: {
            "summary": entry.component.summary,
            "distribution": entry.plugin.distribution,
            "paper": entry.component.paper,
            "verified": entry.component.verified,
        }
        for name, entry in registry.catalogue.entries(family).items()
    }


def _presets(registry: Any) -> dict[str, Any]:
    return {
        name: {
            "summary": preset.summary,
            "distribution": registry.packager(preset),
            "paper": preset.paper,
            "verified": preset.verified,
            "file": str(preset.origin),
        }
        for name, preset in registry.presets().items()
    }


def _text(group: str, entries: dict[str, Any]) -> str:
    width = max(map(len, entries), default=0)
    lines = [f"  {name:<{width}}  {about['summary']}{_by(about)}" for name, about in entries.items()]
    return "\n".join([group, *(lines or ["  (none)"])])


def _by(about: dict[str, Any]) -> str:
    if about["distribution"] == "cfgrl":
        return ""
    return f"  [{about['distribution'] or about['file']}]"
