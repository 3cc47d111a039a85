"""`cfgrl train PRESET [KEY=VALUE ...]`: begin a run, or resume the one in the run directory."""

import argparse
import contextlib
import pathlib
import sys
from typing import Any

from cfgrl._errors import ConfigError


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
    from cfgrl.acting._compile_cache import keep_programs
    from cfgrl.config._build import build_experiment

    keep_programs()
    experiment = build_experiment(resolved)

    from cfgrl.runs._run import RunDirectory

    directory = RunDirectory(args.run_dir or pathlib.Path("runs") / args.preset)
    worked = train_in(experiment, directory, stop, strict=args.strict)
    return finish(args, directory, worked)


def train_in(experiment: Any, directory: Any, stop: Any, *, strict: bool = False) -> bool:
    """Train under the directory's lock and record a failure in it; returns whether anything was left to do."""
    from cfgrl.runs import _checkpoint
    from cfgrl.runs._resume import check_same_configuration
    from cfgrl.runs._trainer import train_run

    if directory.exists:
        check_same_configuration(experiment, directory)
    with directory.lock():
        try:
            return train_run(experiment, directory, stop=stop, strict=strict)
        except Exception as error:
            with contextlib.suppress(Exception):  # on a full disk the error itself matters more than its record
                step = _checkpoint.newest(directory.checkpoints)
                directory.record_error(error, getattr(error, "exit_code", 1), step)
            raise


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


def parse_numbers(text: str, flag: str, kind: type) -> list[Any]:
    """`0,1,2` as a list. Raises `ConfigError` naming the flag."""
    try:
        numbers = [kind(part) for part in text.split(",") if part.strip()]
    except ValueError:
        numbers = []
    if not numbers:
        raise ConfigError(f"{flag} takes numbers separated by commas, such as 0,1,2; not {text!r}.")
    return numbers
