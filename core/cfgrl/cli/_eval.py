"""`cfgrl eval RUN`: play every task at every weight and report success with intervals."""

import argparse
import json
import math
import pathlib
import sys
from typing import Any

from cfgrl._errors import CheckpointError, ConfigError


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

    from cfgrl.report import format_results
    from cfgrl.runs._run import RunDirectory

    directory = RunDirectory(args.run_dir)
    if args.video:
        from cfgrl.evaluation._film_file import require_format

        require_format(args.video_format)
    record = evaluate_run(directory, seed=args.seed, strict=args.strict, **replaced)
    print(json.dumps(record, allow_nan=False) if args.json else format_results(record), flush=True)
    if args.video:  # after the result, which a film that fails must not take along
        film_run(directory, record, strict=args.strict, format=args.video_format)
    return 0


def parse_weights(text: str) -> list[float]:
    """`0,1,1.5` as guidance weights. Raises `ConfigError`."""
    from cfgrl.cli._train import parse_numbers

    weights = parse_numbers(text, "--weights", float)
    if not all(math.isfinite(weight) for weight in weights):
        raise ConfigError(f"--weights takes finite numbers, not {text!r}.")
    return weights


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


def evaluate_run(directory: Any, *, seed: int = 0, strict: bool = False, **replaced: Any) -> dict[str, Any]:
    """Evaluate the newest checkpoint, append the record to `eval.jsonl`, write `rollouts.json`; returns the record."""
    from cfgrl.acting._compile_cache import keep_programs
    from cfgrl.config._build import build_experiment
    from cfgrl.config._run_config import read_config
    from cfgrl.evaluation._judge import rollout_record
    from cfgrl.records import _journal
    from cfgrl.runs._judging import judge_experiment
    from cfgrl.runs._load import load_state
    from cfgrl.runs._progress import Progress

    directory.manifest()
    keep_programs()
    experiment = build_experiment(read_config(directory.config))
    say = Progress("episodes", 1).say
    _, _, step, state = load_state(directory, strict=strict, warn=say)
    if "weights" in replaced and not experiment.agent.has_dial:
        raise ConfigError(f"{directory.path} has no guidance weight ({experiment.preset}); leave --weights out.")
    shown = Shown()
    judged = judge_experiment(experiment, state, shown, seed=seed, **replaced)
    record, rollouts = judged.record, judged.rollouts
    record = {"run": directory.path.resolve().name, **record, "step": step, "during_training": False}
    try:  # before the pictures, which can fail
        _journal.append(directory.evaluations, [record])
        _journal.append(directory.episodes, [{"step": step, "time": record["time"], **judged.episodes}])
    except CheckpointError:
        print(json.dumps(record, allow_nan=False), flush=True)  # hours of episodes are not lost with a full disk
        raise
    environment = experiment.dataset.environment() if rollouts else None
    if environment is not None:
        _journal.write_json(directory.rollouts, rollout_record(rollouts, environment.walls(), experiment.seeds[0]))
        environment.close()
    return record


def film_run(directory: Any, record: dict[str, Any], *, strict: bool, format: str) -> None:
    """Film what `record`, an evaluation of the newest checkpoint, judged."""
    from cfgrl.config._build import build_experiment
    from cfgrl.config._run_config import read_config
    from cfgrl.runs._films import write_films
    from cfgrl.runs._load import load_state
    from cfgrl.runs._progress import Progress

    say = Progress("films", 1).say
    experiment = build_experiment(read_config(directory.config))
    *_, state = load_state(directory, step=record["step"], strict=strict, warn=say)
    write_films(experiment, state, directory.path / "videos", record, format=format, say=say)


class Shown:
    """Progress over episodes that is shown only when it changed."""

    def __init__(self) -> None:
        self._progress: Any = None
        self._done = -1

    def __call__(self, done: int, total: int) -> None:
        from cfgrl.runs._progress import Progress

        if self._progress is None:
            self._progress = Progress("episodes", total, stream=sys.stderr)
        if done != self._done:
            self._done = done
            self._progress.show(done)
