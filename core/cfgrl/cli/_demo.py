"""`cfgrl demo`: data from the real simulator, a guided policy, the sweep over w and the report, in a few minutes."""

import argparse
import json
import pathlib
import sys
import time
from typing import Any

#: 100 episodes of 1001 rows: the smallest set on which goal-conditioned guidance was seen to work reliably.
EPISODES = 100


def add(subparsers: Any) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "demo",
        help="generate data, train, sweep w, report; a few minutes on two cores",
        description="The whole line on this machine without a network: generate maze episodes in MuJoCo, train the "
        "preset `demo`, evaluate guidance weights on all tasks, and write the report.",
    )
    parser.add_argument("--run-dir", metavar="DIR", type=pathlib.Path, default=pathlib.Path("runs/demo"))
    parser.add_argument("--json", action="store_true", help="print the evaluation record as JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo; returns the exit code."""
    from cfgrl.acting._compile_cache import keep_compiled
    from cfgrl.config._registry import load_registries

    began = time.monotonic()
    keep_compiled()
    directory = _directory(args.run_dir)
    folder = _data_folder()
    resolved = load_registries(None).resolve("demo", {"dataset.dir": str(folder)})

    from cfgrl.config._build import build_experiment
    from cfgrl.report import format_results
    from cfgrl.runs._signals import Stop
    from cfgrl.runs._train import train_in

    experiment = build_experiment(resolved)
    _say(began, f"data: {EPISODES} episodes of {experiment.table['dataset']['name']} in {folder}")
    experiment.dataset.generate(folder, episodes=EPISODES, seed=0)
    _say(began, f"training in {directory.path} ({experiment.training.steps:,} updates, seeds {list(experiment.seeds)})")
    with Stop() as stop:
        if not train_in(experiment, directory, stop):
            _say(began, "already trained")
    record = _evaluate(began, experiment, directory)
    _say(began, "writing the report")
    page = _report(directory)
    _say(began, "done")
    if args.json:
        print(json.dumps(record, allow_nan=False))
    else:
        print(format_results(record))
        print(f"\nReport: {page}\nTurn the dial: cfgrl eval {directory.path} --weights 0.5,1,4")
    return 0


def _directory(path: pathlib.Path) -> Any:
    from cfgrl.runs._run import RunDirectory

    return RunDirectory(path)


def _data_folder() -> pathlib.Path:
    from cfgrl.files._paths import cache_folder

    return cache_folder() / "data" / "demo"


def _evaluate(began: float, experiment: Any, directory: Any) -> dict[str, Any]:
    from cfgrl.records import _journal
    from cfgrl.runs._evaluate import evaluate_run

    evaluation, steps = experiment.evaluation, experiment.training.steps
    for record in reversed(_journal.read(directory.evaluations)):
        played = [result["weight"] for result in record["results"]]
        whole = record.get("tasks_played") == list(experiment.dataset.tasks) and record["step"] == steps
        if whole and played == sorted(evaluation.weights) and record["episodes_per_cell"] == evaluation.episodes:
            _say(began, "already evaluated")
            return record
    _say(began, f"evaluating w = {', '.join(f'{w:g}' for w in evaluation.weights)} on all tasks")
    return evaluate_run(directory)


def _report(directory: Any) -> pathlib.Path:
    from cfgrl._errors import ConfigError
    from cfgrl.report import load_runs, write_figures, write_report

    try:
        write_figures(load_runs([directory.path]), directory.path / "figures")
    except ConfigError as error:  # without the extra `plot` the page still says everything but in pictures
        print(f"note: {error}", file=sys.stderr)
    return write_report([directory.path])


def _say(began: float, message: str) -> None:
    print(f"[{time.monotonic() - began:5.0f} s] {message}", file=sys.stderr, flush=True)
