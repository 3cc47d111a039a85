"""Single episodes, and the table of cells that they are judged in.

An episode is an `Outcome`. `tabulate` sorts any number of them into one cell for each agent seed and task and checks
that they are paired: in every cell, each weight was played on the same environment seeds.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Outcome(NamedTuple):
    """One episode.

    **Arguments:**

    - `seed`: agent seed, the trained agent that acted.
    - `task`: name of the task.
    - `weight`: guidance weight; `None` if there is no dial.
    - `env_seed`: seed of the episode; the same seeds are played at every weight.
    - `success`: 0 or 1 (or a fraction); `None` if the task knows only returns.
    - `return_`: sum of the environment's rewards.
    - `length`: environment steps.
    - `failed`: the environment raised, died, hung or answered something that is not a number.
    """

    seed: int
    task: str
    weight: float | None
    env_seed: int
    success: float | None
    return_: float
    length: int
    failed: bool


def columns(outcomes: Sequence[Outcome]) -> dict[str, list[Any]]:
    """Episodes column by column, as `episodes.jsonl` holds them: strict JSON, `null` for what is not a number."""
    found = {name: list(values) for name, values in zip(Outcome._fields, zip(*outcomes, strict=True), strict=True)}
    return {name.rstrip("_"): [_finite(value) for value in values] for name, values in found.items()}


def from_columns(table: Mapping[str, Any]) -> list[Outcome]:
    """The episodes that `columns` wrote. Raises `ValueError` if a column is missing or of another length."""
    names = [name.rstrip("_") for name in Outcome._fields]
    if missing := [name for name in names if name not in table]:
        raise ValueError(f"there is no column {missing[0]!r}")
    rows = zip(*(table[name] for name in names), strict=True)
    return [Outcome(*row)._replace(return_=math.nan if row[5] is None else row[5]) for row in rows]


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Table(NamedTuple):
    """Episodes in cells.

    `values[s][t]` has shape `(episodes, 2 * weights)`, successes first and then returns; `selecting[s][t]` has shape
    `(episodes,)` and is true for the half of the environment seeds that may choose a weight; `failed` counts the
    failed episodes of each weight; `measure` is "success" or "return"; `env_seeds[s][t]` has shape `(episodes,)`.
    """

    seeds: list[int]
    tasks: list[str]
    weights: list[float | None]
    values: list[list[np.ndarray]]
    selecting: list[list[np.ndarray]]
    failed: list[int]
    measure: str
    env_seeds: list[list[np.ndarray]]

    @property
    def offset(self) -> int:
        """The column of the first weight's measure."""
        return 0 if self.measure == "success" else len(self.weights)

    @property
    def episodes(self) -> int:
        """Number of episodes of one weight."""
        return sum(len(cell) for row in self.values for cell in row)

    def half(self, selecting: bool) -> list[list[np.ndarray]]:
        """The cells with only the episodes that choose a weight, or only those that judge it."""
        pairs = (zip(values, chosen, strict=True) for values, chosen in zip(self.values, self.selecting, strict=True))
        return [[cell[mask == selecting] for cell, mask in row] for row in pairs]


def tabulate(outcomes: Sequence[Outcome]) -> Table:
    """Sort the episodes into cells. Raises `ValueError` if they are repeated, missing or not paired."""
    if not outcomes:
        raise ValueError("There are no episodes to summarise.")
    seeds = sorted({outcome.seed for outcome in outcomes})
    tasks = sorted({outcome.task for outcome in outcomes}, key=natural)
    weights = sorted(
        {outcome.weight for outcome in outcomes}, key=lambda weight: -math.inf if weight is None else weight
    )
    rows: dict[tuple[int, str], dict[int, dict[float | None, Outcome]]] = {}
    for outcome in outcomes:
        row = rows.setdefault((outcome.seed, outcome.task), {}).setdefault(outcome.env_seed, {})
        if outcome.weight in row:
            raise ValueError(f"Two episodes are the same one: {outcome}.")
        row[outcome.weight] = outcome
    cells = [[_cell(rows.get((seed, task), {}), seed, task, weights) for task in tasks] for seed in seeds]
    return Table(
        seeds,
        tasks,
        weights,
        values=[[values for values, _ in row] for row in cells],
        selecting=_split([[env_seeds for _, env_seeds in row] for row in cells]),
        failed=[sum(_failed(outcome) for outcome in outcomes if outcome.weight == weight) for weight in weights],
        measure=_measure(outcomes),
        env_seeds=[[env_seeds for _, env_seeds in row] for row in cells],
    )


def _cell(
    rows: dict[int, dict[float | None, Outcome]], seed: int, task: str, weights: Sequence[float | None]
) -> tuple[np.ndarray, np.ndarray]:
    """Values of one cell, shape `(episodes, 2 * weights)`, and its environment seeds, in order."""
    if not rows:
        raise ValueError(f"Agent seed {seed} has no episode of task {task!r}; other agents do.")
    env_seeds = sorted(rows)
    for env_seed in env_seeds:
        missing = [weight for weight in weights if weight not in rows[env_seed]]
        if missing:
            raise ValueError(
                f"Episodes are not paired: agent seed {seed}, task {task!r}, environment seed {env_seed} "
                f"was not played at weight {missing[0]}."
            )
    episodes = [[rows[env_seed][weight] for weight in weights] for env_seed in env_seeds]
    values = [[*map(_success, episode), *map(_return, episode)] for episode in episodes]
    return np.array(values, dtype=float), np.array(env_seeds)


def _split(env_seeds: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    """Every second environment seed of a task may choose: the same ones for every agent and every weight."""
    known = [np.unique(np.concatenate(column)) for column in zip(*env_seeds, strict=True)]
    return [[np.searchsorted(known[task], cell) % 2 == 0 for task, cell in enumerate(row)] for row in env_seeds]


def _measure(outcomes: Sequence[Outcome]) -> str:
    """What the tasks know. An episode that failed at once may not have learnt that its task knows no success."""
    said = [outcome for outcome in outcomes if not outcome.failed] or outcomes
    return "return" if all(outcome.success is None for outcome in said) else "success"


def _failed(outcome: Outcome) -> bool:
    """Whether the episode failed; a result that is not a number is a failure as well."""
    known = outcome.success is None or math.isfinite(outcome.success)
    return outcome.failed or not known or not math.isfinite(outcome.return_)


def _success(outcome: Outcome) -> float:
    """Success of an episode; 0 where it failed."""
    return 0.0 if outcome.success is None or _failed(outcome) else float(outcome.success)


def _return(outcome: Outcome) -> float:
    """Return of an episode, up to where it failed; 0 where that is not a number."""
    return float(outcome.return_) if math.isfinite(outcome.return_) else 0.0


def natural(name: str) -> list[tuple[int, int | str]]:
    """Sort key that puts task10 after task9."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name)]
