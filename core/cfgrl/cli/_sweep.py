"""`cfgrl sweep NAME`: all runs of a sweep on this machine, and what they say together."""

import argparse
import json
import math
import pathlib
import shlex
import sys
from typing import Any

from cfgrl._errors import CfgrlError, ConfigError


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "sweep",
        help="train and evaluate all runs of a sweep; the same command resumes",
        description="Train and evaluate every run of a [sweep.NAME] table and report on them. What is finished is not "
        "done again; what failed is tried again, unless it failed by its numbers, which repeat.",
    )
    parser.add_argument("name", metavar="NAME", help="a name from a [sweep.NAME] table")
    parser.add_argument(
        "--registry", metavar="FILE", type=pathlib.Path, help="registry file instead of ./registry.toml"
    )
    parser.add_argument(
        "--dir", metavar="DIR", type=pathlib.Path, default=pathlib.Path("runs/sweeps"), help="default: runs/sweeps"
    )
    parser.add_argument("--quick", action="store_true", help="the sweep's small form, to see that all of it works")
    parser.add_argument("--cores", metavar="N", type=int, help="processor cores for all runs together")
    parser.add_argument("--memory", metavar="GIB", type=float, help="memory for all runs together")
    parser.add_argument("--dry-run", action="store_true", help="print the commands that are left, and do nothing")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Finish the sweep and report; returns the exit code."""
    from cfgrl.runs._signals import Stop

    for flag in ("cores", "memory"):
        if (value := getattr(args, flag)) is not None and not 0 < value < math.inf:
            raise ConfigError(f"--{flag} must be a number above 0, not {value}.")
    with Stop() as stop:
        return _run(args, stop)


def _run(args: argparse.Namespace, stop: Any) -> int:
    from cfgrl.config._registry import load_registries
    from cfgrl.files._printable import printable
    from cfgrl.sweeps._plan import plan
    from cfgrl.sweeps._read import read_sweep
    from cfgrl.sweeps._sweep import locked, run_sweep, write_plan
    from cfgrl.sweeps._tasks import tasks

    registry = load_registries(args.registry)
    sweep = read_sweep(args.name, registry, quick=args.quick)
    runs = plan(sweep, registry)
    own = None if args.registry is None else str(args.registry)
    if args.dry_run:
        for task in tasks(runs, args.dir, density=sweep.density, registry=own):
            # As many threads as cores: they decide the last bits.
            print(printable(f"PJRT_NPROC={sweep.cores} {shlex.join(['cfgrl', *task.words])}"))
        return 0
    name = args.name + ("-quick" if args.quick else "")
    with locked(args.dir):
        write_plan(name, sweep, runs, args.dir, ["cfgrl", *sys.argv[1:]])
        outcome = run_sweep(
            sweep,
            runs,
            args.dir,
            cores=args.cores,
            memory=args.memory,
            registry=own,
            say=_say,
            stopped=lambda: stop.requested is not None,
        )
        if outcome.stopped:
            raise stop.preempted(f"during the sweep {name}")
        code = _report(args, args.dir / name, outcome.failures)
        if stop.requested is not None:
            raise stop.preempted(f"while the report of {name} was written")
        return code


def _report(args: argparse.Namespace, folder: pathlib.Path, failures: dict[str, str]) -> int:
    """Write and print what the runs say, as far as they came."""
    from cfgrl.files._printable import printable
    from cfgrl.report import write_sweep_report

    try:
        results, page = write_sweep_report(folder)
    except CfgrlError as error:
        if not failures:
            raise
        _say(f"no report: {error}")
    else:
        if args.json:
            print(json.dumps(results, allow_nan=False))
        else:
            from cfgrl.report import format_sweep

            print(format_sweep(results))
            print(f"\nReport: {page}")
        if results["missing"] and not failures:
            failures = {name: "is not finished; the same command goes on with it" for name in results["missing"]}
    for name, reason in failures.items():
        print(printable(f"cfgrl: error: {name}: {reason}"), file=sys.stderr)
    return 1 if failures else 0


def _say(line: str) -> None:
    from cfgrl.files._printable import printable

    print(printable(line), file=sys.stderr, flush=True)
