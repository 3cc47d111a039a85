"""From single episodes to success against w: means with intervals, paired differences, an honest choice of w.

    summary = summarise([Outcome(seed=0, task="task1", weight=1.0, env_seed=7, success=1.0, ...), ...])
    summary["results"][0]["success_ci"]

Every mean gives each agent seed and each task the same say. Intervals resample agents and episodes (`_bootstrap`), and
all weights are resampled together: they were played on the same environment seeds with the same noise, so a
difference of two weights is better known than either of them. Failed episodes count as no success; none is dropped.

The best weight by its own test result would be an oracle: the larger the grid, the luckier the winner. `chosen` picks
the weight on half of the environment seeds and reports it on the other half.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cfgrl.evaluation._bootstrap import interquartile_mean, interval, resample
from cfgrl.evaluation._caveats import caveats
from cfgrl.evaluation._outcomes import Outcome, Table, tabulate

RULE = (
    "the highest mean {measure} on half of the environment seeds (ties: the smallest weight), "
    "reported on the other half, which had no part in the choice"
)


def summarise(outcomes: Sequence[Outcome], *, key: int = 0) -> dict[str, Any]:
    """Means, 95 % intervals, paired comparisons and the chosen weight of one evaluation.

    **Arguments:**

    - `outcomes`: every episode, in any order; each (seed, task, weight) has the same environment seeds.
    - `key`: seed of the resampling; the same key and outcomes give the same numbers.

    Returns a dictionary that is strict JSON (no NaN): `measure` ("success", or "return" where no task knows success),
    `results` (one entry a weight), `chosen`, `comparisons` of the measure (w = 1 against w = 0, and each w > 1 against
    w = 1) and `notes` (what the intervals do not cover). Under "return", `tasks` and `by_seed` hold returns.

    Raises `ValueError` if the episodes are not paired over the weights.
    """
    table = tabulate(outcomes)
    replicates = resample(table.values, rng=np.random.default_rng([key, 0]))
    comparisons = _compare(table, replicates)
    return {
        "measure": table.measure,
        "results": [_result(table, replicates, column) for column in range(len(table.weights))],
        "chosen": _choose(table, key),
        "comparisons": comparisons,
        "notes": caveats(table, comparisons),
    }


def _means(cells: list[list[np.ndarray]]) -> np.ndarray:
    """Mean of each cell: shape `(seeds, tasks, columns)`."""
    return np.array([[cell.mean(0) for cell in row] for row in cells])


def _result(table: Table, replicates: np.ndarray, column: int) -> dict[str, Any]:
    """The entry of one weight."""
    shown = table.offset + column
    cells, draws = _means(table.values)[..., shown], replicates[..., shown]
    by_task = zip(table.tasks, cells.mean(0), draws.mean(1).T, strict=True)
    tasks = [(name, float(mean), interval(sample)) for name, mean, sample in by_task]
    return {
        "weight": table.weights[column],
        **_scores(table, table.values, replicates, column),
        "iqm": float(interquartile_mean(cells.ravel())),
        "iqm_ci": list(interval(interquartile_mean(draws.reshape(len(draws), -1)))),
        "episodes": table.episodes,
        "n_failed": table.failed[column],
        "tasks": {name: mean for name, mean, _ in tasks},
        "tasks_ci": {name: list(bounds) for name, _, bounds in tasks},
        "by_seed": {str(seed): float(mean) for seed, mean in zip(table.seeds, cells.mean(1), strict=True)},
    }


def _scores(table: Table, values: list[list[np.ndarray]], replicates: np.ndarray, column: int) -> dict[str, Any]:
    """Mean success and mean return of one weight with their intervals; success is null where no task knows it."""
    means, draws = _means(values).mean((0, 1)), replicates.mean((1, 2))
    returns = len(table.weights) + column
    known = table.measure == "success"
    return {
        "success": float(means[column]) if known else None,
        "success_ci": list(interval(draws[:, column])) if known else None,
        "return": float(means[returns]),
        "return_ci": list(interval(draws[:, returns])),
    }


def _compare(table: Table, replicates: np.ndarray) -> list[dict[str, Any]]:
    """Paired differences of the measure: w = 1 against w = 0, and each w > 1 against w = 1."""
    cells, draws = _means(table.values).mean(1), replicates.mean((1, 2))
    pairs = [(1.0, 0.0), *((weight, 1.0) for weight in table.weights if weight is not None and weight > 1)]
    comparisons = []
    for weight, against in pairs:
        if weight not in table.weights or against not in table.weights:
            continue
        upper, lower = (table.offset + table.weights.index(value) for value in (weight, against))
        by_seed = cells[:, upper] - cells[:, lower]
        comparisons.append(
            {
                "weight": weight,
                "against": against,
                "difference": float(by_seed.mean()),
                "ci": list(interval(draws[:, upper] - draws[:, lower])),
                "by_seed": {str(seed): float(value) for seed, value in zip(table.seeds, by_seed, strict=True)},
            }
        )
    return comparisons


def _choose(table: Table, key: int) -> dict[str, Any]:
    """The weight that half of the environment seeds would have chosen, judged on the other half."""
    select, judge = table.half(True), table.half(False)
    column = 0
    if table.weights == [None]:
        rule, judge = "no dial: there is nothing to choose", table.values
    elif not all(len(cell) for half in (select, judge) for row in half for cell in row):
        rule = "none: choosing and judging need at least two environment seeds for each task"
        return {"weight": None, "rule": rule} | dict.fromkeys(("success", "success_ci", "return", "return_ci"))
    else:
        rule = RULE.format(measure=table.measure)
        scores = _means(select).mean((0, 1))[table.offset :][: len(table.weights)]
        column = int(np.argmax(np.round(scores, 9)))  # so that a tie is a tie, not a difference in the last bit
    replicates = resample(judge, rng=np.random.default_rng([key, 1]))
    return {"weight": table.weights[column], "rule": rule, **_scores(table, judge, replicates, column)}
