"""The use case of `cfgrl eval`: a run directory is judged, and the record is kept in it."""

import json
import sys
from collections.abc import Callable
from typing import Any

from cfgrl._errors import CheckpointError, ConfigError
from cfgrl._stage import AgentState
from cfgrl.acting._compile_cache import keep_compiled
from cfgrl.config._build import build_experiment
from cfgrl.config._experiment import Experiment
from cfgrl.config._run_config import read_config
from cfgrl.evaluation._judge import Judgement, judge, rollout_record
from cfgrl.records import _journal
from cfgrl.runs._films import write_films
from cfgrl.runs._load import load_state
from cfgrl.runs._progress import Progress
from cfgrl.runs._run import RunDirectory


def judge_experiment(
    experiment: Experiment,
    state: AgentState,
    progress: Callable[[int, int], None] | None = None,
    *,
    seed: int = 0,
    **replaced: Any,
) -> Judgement:
    """Evaluate as the experiment's `eval` table says, with single settings replaced."""
    settings = {
        "weights": experiment.evaluation.weights,
        "episodes": experiment.evaluation.episodes,
        "tasks": experiment.evaluation.tasks,
        "pool": experiment.evaluation.environments,
        "timeout": experiment.evaluation.timeout,
    } | replaced
    judged = judge(
        experiment.agent,
        state,
        experiment.dataset,
        seeds=experiment.seeds,
        seed=seed,
        progress=progress,
        **settings,  # pyright: ignore[reportArgumentType]
    )
    name = experiment.table["dataset"].get("name", experiment.table["dataset"]["use"])
    about = {"preset": experiment.preset, "dataset": name, "seeds": list(experiment.seeds)}
    return judged._replace(record=about | judged.record)


def evaluate_run(directory: RunDirectory, *, seed: int = 0, strict: bool = False, **replaced: Any) -> dict[str, Any]:
    """Evaluate the newest checkpoint, append the record to `eval.jsonl`, write `rollouts.json`; returns the record.

    **Arguments:**

    - `seed`: decides environment seeds and noise.
    - `strict`: refuse a broken newest checkpoint instead of taking the one before it.
    - `replaced`: settings of the run's `eval` table to replace: `weights`, `episodes`, `tasks`, `timeout`.

    **Raises:** `ConfigError` for weights that the agent has no dial for; `CheckpointError` if the record cannot be
    written, after printing it.
    """
    directory.manifest()
    keep_compiled()
    experiment = build_experiment(read_config(directory.config))
    _, _, step, state = load_state(directory, strict=strict, warn=Progress("episodes", 1).say)
    if "weights" in replaced and not experiment.agent.has_dial:
        raise ConfigError(f"{directory.path} has no guidance weight ({experiment.preset}); leave --weights out.")
    judged = judge_experiment(experiment, state, _Shown(), seed=seed, **replaced)
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


def film_run(directory: RunDirectory, record: dict[str, Any], *, strict: bool, format: str) -> None:
    """Film what `record`, an evaluation of the newest checkpoint, judged."""
    say = Progress("films", 1).say
    experiment = build_experiment(read_config(directory.config))
    *_, state = load_state(directory, step=record["step"], strict=strict, warn=say)
    write_films(experiment, state, directory.path / "videos", record, format=format, say=say)


class _Shown:
    """Progress over episodes, shown only when it changed."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._done = -1

    def __call__(self, done: int, total: int) -> None:
        if self._progress is None:
            self._progress = Progress("episodes", total, stream=sys.stderr)
        if done != self._done:
            self._done = done
            self._progress.show(done)
