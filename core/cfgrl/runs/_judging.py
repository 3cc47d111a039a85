"""An experiment judged as its `eval` table says."""

from collections.abc import Callable
from typing import Any

from cfgrl._stage import AgentState
from cfgrl.config._experiment import Experiment
from cfgrl.evaluation._judge import Judgement, judge


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
