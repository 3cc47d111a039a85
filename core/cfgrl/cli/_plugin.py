"""`cfgrl plugin new` and `cfgrl plugin check`: a plugin of one's own."""

import argparse
import contextlib
import pathlib
import shlex
import sys
from typing import Any

_KINDS = ("labeler", "policy", "guidance", "event", "network", "dataset")


def add(subparsers: Any) -> None:
    """Add the command and its two verbs."""
    parser = subparsers.add_parser(
        "plugin",
        help="write a plugin of your own, and check it",
        description="Write a new plugin package that works, and check one against the rules. `cfgrl plugins` lists "
        "those that are installed.",
    )
    parser.set_defaults(run=lambda args: parser.print_help() or 2)
    verbs = parser.add_subparsers(metavar="VERB")

    new = verbs.add_parser(
        "new",
        help="write a package with one working component, a preset and tests",
        description="Write a package with one working component, a preset, tests and continuous integration.",
    )
    new.add_argument("name", metavar="NAME", help="of the distribution and, without 'cfgrl-', of the component")
    new.add_argument("--kind", metavar="KIND", choices=_KINDS, default="guidance", help=f"{', '.join(_KINDS)}")
    new.add_argument("--dir", metavar="DIR", type=pathlib.Path, default=pathlib.Path(), help="where to put the folder")
    new.set_defaults(run=_new)

    check = verbs.add_parser(
        "check",
        help="run every check on a package and its components",
        description="Check a package: its metadata, hooks and presets, and each component against the rules of its "
        "family. Exits with 4 where something failed.",
    )
    check.add_argument("target", metavar="PATH-or-DISTRIBUTION", help="a folder, or the name of what is installed")
    check.add_argument("--all", action="store_true", help="show the checks that passed too, with what each asks for")
    check.set_defaults(run=_check)

    for verb in verbs.choices.values():
        verb.add_argument("--json", action="store_true", help="print one JSON object")
        verb.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show tracebacks")
        verb.set_defaults(parser=verb)


def _new(args: argparse.Namespace) -> int:
    from cfgrl.plugin._new import Names, new_plugin

    files = new_plugin(args.name, args.kind, args.dir)
    folder = args.dir / args.name
    if args.json:
        import json

        print(json.dumps({"path": str(folder), "files": [str(file.relative_to(folder)) for file in files]}))
        return 0
    names = Names(args.name, args.kind)
    print(
        f"{folder} has a {args.kind} '{names.component}', a preset '{names.preset}' and tests. Now:\n\n"
        f"  cd {shlex.quote(str(folder))}\n"
        "  pip install -e '.[dev]'\n"
        "  pytest\n"
        "  cfgrl plugin check .\n\n"
        f"Then change src/{names.module}/{args.kind}.py."
    )
    return 0


def _check(args: argparse.Namespace) -> int:
    from cfgrl._errors import PluginError
    from cfgrl.acting._compile_cache import keep_compiled
    from cfgrl.plugin._check import check_package, is_whole, report_text
    from cfgrl.plugin._package import opened

    keep_compiled()
    # What a plugin prints must not end up in the middle of `--json`.
    with contextlib.redirect_stdout(sys.stderr), opened(args.target) as package:
        _compile_quickly()
        report = check_package(package)
        text = report_text(report, everything=args.all)
    if args.json:
        import json

        text = json.dumps(report, indent=2, ensure_ascii=False)
    print(text)
    return 0 if is_whole(report) else PluginError.exit_code


def _compile_quickly() -> None:
    """Checks compile much and compute little: the compiler leaves out its expensive passes."""
    import jax

    jax.config.update("jax_disable_most_optimizations", True)
