"""`cfgrl train PRESET [KEY=VALUE ...]`: begin a run, or resume the one in the run directory."""

import argparse
import pathlib
import sys
from typing import Any

from cfgrl.cli._numbers import parse_numbers


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "train",
        help="train a preset; the same command resumes",
        description="Train a preset in a run directory. The same command resumes an interrupted run and recognises a "
        "finished one; another configuration is refused.",
    )
    parser.add_argument("preset", metavar="PRESET", help="a name from `cfgrl list presets`")
    parser.add_argument("overrides", metavar="KEY=VALUE", nargs="*", help="for example guidance.weight=2 seeds=[0,1]")
    parser.add_argument(
        "--registry", metavar="FILE", type=pathlib.Path, help="registry file instead of ./registry.toml"
    )
    parser.add_argument("--run-dir", metavar="DIR", type=pathlib.Path, help="default: runs/PRESET")
    parser.add_argument("--seeds", metavar="0,1,2", help="agent seeds, trained together")
    parser.add_argument("--strict", action="store_true", help="refuse a broken checkpoint instead of falling back")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train; returns the exit code."""
    from cfgrl.runs._signals import Stop

    with Stop() as stop:  # first of all, so that no signal ends the command without an answer
        return _run(args, stop)


def _run(args: argparse.Namespace, stop: Any) -> int:
    from cfgrl.config._registry import load_registries

    overrides = list(args.overrides)
    if args.seeds is not None:
        overrides.append(f"seeds={parse_numbers(args.seeds, '--seeds', int)}")
    resolved = load_registries(args.registry).resolve(args.preset, overrides)

    # Building answers a wrong key without jax, so whatever imports jax comes after it.
    from cfgrl.acting._compile_cache import keep_compiled
    from cfgrl.config._build import build_experiment

    keep_compiled()
    experiment = build_experiment(resolved)

    from cfgrl.runs._train import RunDirectory, train_in

    directory = RunDirectory(args.run_dir or pathlib.Path("runs") / args.preset)
    worked = train_in(experiment, directory, stop, strict=args.strict)
    return finish(args, directory, worked)


def finish(args: argparse.Namespace, directory: Any, worked: bool) -> int:
    """Say what came of it."""
    import json

    from cfgrl.runs import _checkpoint

    step = _checkpoint.newest(directory.checkpoints)
    if args.json:
        print(json.dumps({"run": str(directory.path), "step": step, "trained": worked}))
        return 0
    if worked:
        print(f"{directory.path} is trained to update {step}. Judge it: cfgrl eval {directory.path}")
    else:
        print(f"{directory.path} is finished (update {step}); nothing to do. Judge it: cfgrl eval {directory.path}")
    sys.stdout.flush()
    return 0
