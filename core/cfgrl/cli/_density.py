"""`cfgrl density RUN`: what the guidance weight costs in probability, at states of the run's data set."""

import argparse
import json
import pathlib
from typing import Any

from cfgrl._errors import ConfigError
from cfgrl.cli._numbers import parse_weights


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "density",
        help="what the guidance weight costs in probability",
        description="At states of the data set, draw actions at every guidance weight and compute their exact "
        "densities: entropy, divergence from the unguided policy, likelihood of the data's own actions. The result is "
        "appended to the run's density.jsonl.",
    )
    parser.add_argument("run_dir", metavar="RUN", type=pathlib.Path, help="a run directory")
    parser.add_argument("--weights", metavar="0,1,1.5", help="guidance weights; the preset's where not given")
    parser.add_argument("--rows", metavar="N", type=int, default=32, help="rows of the data; 32 where not given")
    parser.add_argument("--samples", metavar="K", type=int, default=8, help="actions a row and weight; 8 by default")
    parser.add_argument("--steps", metavar="N", type=int, help="of the sampler, instead of the run's policy.steps")
    parser.add_argument("--seed", metavar="S", type=int, default=0, help="decides rows, goals and draws")
    parser.add_argument("--strict", action="store_true", help="refuse a broken checkpoint instead of falling back")
    parser.add_argument("--json", action="store_true", help="print the record as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure; returns the exit code."""
    weights = None if args.weights is None else parse_weights(args.weights)
    for flag, value, least in (
        ("--rows", args.rows, 1),
        ("--samples", args.samples, 2),
        ("--seed", args.seed, 0),
        ("--steps", args.steps, 1),
    ):
        if value is not None and value < least:
            raise ConfigError(f"{flag} must be at least {least}, not {value}.")

    from cfgrl.report import format_density
    from cfgrl.runs._measure import RunDirectory, density_run

    directory = RunDirectory(args.run_dir)
    sizes = {"rows": args.rows, "samples": args.samples, "steps": args.steps, "seed": args.seed}
    record = density_run(directory, weights, strict=args.strict, **sizes)
    print(json.dumps(record, allow_nan=False) if args.json else format_density(record), flush=True)
    return 0
