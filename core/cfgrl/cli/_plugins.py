"""`cfgrl plugins`: each installed plugin, what it brings, and why it did not load."""

import argparse
import pathlib
from typing import Any

#: Seconds that importing a hook module may take before somebody should know.
_SLOW = 0.1


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "plugins",
        help="installed plugins, and why one did not load",
        description="List the plugins: distribution, version, components, and the reason of each failure. A plugin "
        "that did not load matters only to those who use what it brings.",
    )
    parser.add_argument(
        "--registry", metavar="FILE", type=pathlib.Path, help="registry file instead of ./registry.toml"
    )
    parser.add_argument("--strict", action="store_true", help="exit with 4 unless every plugin is whole")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List; returns the exit code."""
    from cfgrl.catalogue._catalogue import require_whole
    from cfgrl.catalogue._plugins import unknown_selection
    from cfgrl.config._registry import load_registries

    registry = load_registries(args.registry)
    plugins = [_about(plugin) for plugin in registry.catalogue.plugins]
    conflicts = registry.conflicts()
    if args.json:
        import json

        print(json.dumps({"plugins": plugins, "conflicts": conflicts}, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_text(plugin) for plugin in plugins) or "No plugin is installed.")
        for conflict in conflicts:
            print(f"conflict: {conflict}.")
        for line in unknown_selection():
            print(f"note: {line}.")
    if args.strict:
        require_whole(registry.catalogue, conflicts)
    return 0


def _about(plugin: Any) -> dict[str, Any]:
    return {
        "distribution": plugin.distribution,
        "version": plugin.version,
        "name": plugin.name,
        "module": plugin.module,
        "api": plugin.api,
        "seconds": round(plugin.seconds, 4),
        "components": {family: sorted(components) for family, components in plugin.components.items()},
        "presets": [str(path) for path in plugin.presets],
        "disabled": plugin.disabled,
        "failure": plugin.failure,
    }


def _text(about: dict[str, Any]) -> str:
    head = f"{about['distribution']} {about['version']}  {about['name']} ({about['module']})"
    if about["failure"]:
        return f"{head}\n    did not load: {about['failure']}"
    if about["disabled"]:
        return f"{head}\n    disabled"
    lines = [f"    {family}: {', '.join(names)}" for family, names in about["components"].items()]
    lines += [f"    presets: {path}" for path in about["presets"]]
    if about["api"] is None:
        lines.append("    note: it does not say for which version of the plugin interface it is written (cfgrl_api)")
    if about["seconds"] > _SLOW:
        lines.append(f"    note: its hook module took {about['seconds']:.1f} s to import, at every command")
    return "\n".join([head, *lines])
