"""`cfgrl eval RUN`: play every task at every weight and report success with intervals."""

import argparse
import json
import math
import pathlib
from typing import Any

from cfgrl._errors import ConfigError
from cfgrl.cli._numbers import parse_weights


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "eval",
        help="evaluate a run over guidance weights",
        description="Play every task at every guidance weight with the same environment seeds and noise, and report "
        "success with 95 %% intervals. The result is appended to the run's eval.jsonl.",
    )
    parser.add_argument("run_dir", metavar="RUN", type=pathlib.Path, help="a run directory")
    parser.add_argument("--weights", metavar="0,1,1.5", help="guidance weights; the preset's where not given")
    parser.add_argument("--episodes", metavar="N", type=int, help="episodes for each agent seed, task and weight")
    parser.add_argument("--tasks", metavar="1,3", help="task numbers or names; all where not given")
    parser.add_argument("--seed", metavar="S", type=int, default=0, help="decides environment seeds and noise")
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=float, help="that one reset or step may take; the run's where not given"
    )
    parser.add_argument("--video", action="store_true", help="film the first episode of each task and weight")
    parser.add_argument(
        "--video-format", choices=("webp", "gif", "mp4"), default="webp", help="webp where not given; mp4 is an extra"
    )
    parser.add_argument("--strict", action="store_true", help="refuse a broken checkpoint instead of falling back")
    parser.add_argument("--json", action="store_true", help="print the record as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Evaluate; returns the exit code."""
    replaced = _settings(args)

    from cfgrl.evaluation._film_file import require_format
    from cfgrl.report import format_results
    from cfgrl.runs._evaluate import RunDirectory, evaluate_run, film_run

    directory = RunDirectory(args.run_dir)
    if args.video:
        require_format(args.video_format)
    record = evaluate_run(directory, seed=args.seed, strict=args.strict, **replaced)
    print(json.dumps(record, allow_nan=False) if args.json else format_results(record), flush=True)
    if args.video:  # after the result, which a film that fails must not take along
        film_run(directory, record, strict=args.strict, format=args.video_format)
    return 0


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    replaced: dict[str, Any] = {}
    if args.weights is not None:
        replaced["weights"] = parse_weights(args.weights)
    if args.episodes is not None:
        if args.episodes < 1:
            raise ConfigError(f"--episodes must be at least 1, not {args.episodes}.")
        replaced["episodes"] = args.episodes
    if args.timeout is not None:
        if not 0 < args.timeout < math.inf:
            raise ConfigError(f"--timeout must be a number of seconds above 0, not {args.timeout}.")
        replaced["timeout"] = args.timeout
    if args.tasks is not None:
        replaced["tasks"] = [task.strip() for task in args.tasks.split(",") if task.strip()]
    if args.seed < 0:
        raise ConfigError(f"--seed must not be negative, not {args.seed}.")
    return replaced
