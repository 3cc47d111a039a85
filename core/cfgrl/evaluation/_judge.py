"""From a trained state to an evaluation record: which episodes, who plays them, what they say."""

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cfgrl._errors import ConfigError, DataError
from cfgrl._stage import Agent, AgentState
from cfgrl.data._dataset import Dataset, Environment
from cfgrl.evaluation._episode import Rollout
from cfgrl.evaluation._evaluate import plan, play_all
from cfgrl.evaluation._outcomes import columns
from cfgrl.evaluation._summary import summarise
from cfgrl.files._machine import cores


class Judgement(NamedTuple):
    """What came of an evaluation: the record, the paths of the first episodes, and every episode by column."""

    record: dict[str, Any]
    rollouts: list[Rollout]
    episodes: dict[str, list[Any]]


def judge(
    agent: Agent,
    state: AgentState,
    dataset: Dataset,
    *,
    seeds: Sequence[int],
    weights: Sequence[float],
    episodes: int,
    tasks: Sequence[str | int],
    seed: int = 0,
    pool: int = 64,
    workers: int | None = None,
    timeout: float = 60.0,
    progress: Callable[[int, int], None] | None = None,
) -> Judgement:
    """Play every task at every weight and summarise; see INTERFACE of `cfgrl eval --json` for the record.

    **Arguments:**

    - `seeds`: names of the agent seeds stacked in `state`, in order.
    - `weights`: the sweep; replaced by a single `None` if the agent has no dial.
    - `tasks`: names or 1-based numbers; empty for all.
    - `seed`: decides environment seeds and acting noise.
    - `pool`, `workers`, `timeout`, `progress`: as in `play_all`; one worker a processor core if not given.

    **Raises:** `DataError` where the data set has no environment, `ConfigError` for an unknown task.
    """
    names = choose_tasks(dataset, tasks)
    workers = min(len(cores()), 8) if workers is None else workers
    play = functools.partial(play_all, pool=pool, workers=workers, timeout=timeout, progress=progress)
    return summarised(
        agent, play, state, dataset.require_environment, names, seeds, weights=weights, episodes=episodes, seed=seed
    )


def summarised(
    agent: Agent,
    play: Callable[..., tuple[list[Any], list[Rollout]]],
    state: AgentState,
    make: Callable[[], Environment],
    names: Sequence[str],
    seeds: Sequence[int],
    *,
    weights: Sequence[float],
    episodes: int,
    seed: int,
) -> Judgement:
    """Play the tasks called `names` in environments of `make`, by `play`, and say what came of it."""
    dial: Sequence[float | None] = sorted(set(weights)) if agent.has_dial else [None]
    queue = plan(len(seeds), names, dial, episodes, seed)
    outcomes, rollouts = play(agent, state, make, queue, seed=seed)
    named = [outcome._replace(seed=seeds[outcome.seed]) for outcome in outcomes]
    summary = summarise(named, key=seed)
    record = {
        **summary,
        "dial": list(agent.dial_ends),
        "episodes_per_cell": episodes,
        "tasks_played": list(names),
        "eval_seed": seed,
        "time": time.time(),
    }
    return Judgement(record, rollouts, columns(named))


def choose_tasks(dataset: Dataset, tasks: Sequence[str | int]) -> list[str]:
    """The names that `tasks` (names or 1-based numbers) stand for; all where it is empty."""
    known = list(dataset.tasks)
    if not known:
        raise DataError(
            "This data set has no environment to evaluate in; training, validation losses and `cfgrl.load(...).act` "
            "work without one."
        )
    chosen = []
    for task in tasks:
        number = int(task) if str(task).isdecimal() else None
        if number is not None and 1 <= number <= len(known):
            chosen.append(known[number - 1])
        elif str(task) in known:
            chosen.append(str(task))
        else:
            raise ConfigError(f"Unknown task {task!r}; the tasks are {', '.join(known)} (or 1 to {len(known)}).")
    return list(dict.fromkeys(chosen)) or known


def rollout_record(rollouts: Sequence[Rollout], walls: Any, seed: int) -> dict[str, Any]:
    """What `rollouts.json` holds: the floor plan and where the first agent seed went."""
    return {
        "walls": [] if walls is None else [[float(x) for x in wall] for wall in walls],
        "rollouts": [
            {
                "weight": rollout.episode.weight,
                "task": rollout.episode.task,
                "seed": seed,
                "success": rollout.success,
                "goal": rollout.goal,
                "positions": rollout.positions,
            }
            for rollout in rollouts
        ],
    }
