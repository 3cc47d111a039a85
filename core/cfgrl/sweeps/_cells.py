"""The single episodes of all runs on one data set, side by side: one column for each arm, varied value and weight.

All runs of a sweep play the same environment seeds with agents of the same seeds, so that every difference between two
columns is a paired one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from cfgrl._errors import CheckpointError
from cfgrl.evaluation._outcomes import Table, from_columns, tabulate


class Column(NamedTuple):
    """One policy at one setting of its dial: `weight` is `None` without one; `varied` are trained settings."""

    arm: str
    run: str
    weight: float | None
    varied: Mapping[str, Any]


class Cells(NamedTuple):
    """Episodes of one data set.

    `values[seed][task]` has shape `(episodes, columns)`; `selecting[seed][task]`, `(episodes,)`, is true for the half
    of the environment seeds that may choose; `measure` is "success" or "return".
    """

    columns: list[Column]
    seeds: list[int]
    tasks: list[str]
    values: list[list[np.ndarray]]
    selecting: list[list[np.ndarray]]
    measure: str
    failed: list[int]

    def half(self, selecting: bool) -> list[list[np.ndarray]]:
        """The cells with only the episodes that choose, or only those that judge."""
        pairs = (zip(v, s, strict=True) for v, s in zip(self.values, self.selecting, strict=True))
        return [[cell[mask == selecting] for cell, mask in row] for row in pairs]

    def of(self, arm: str) -> list[int]:
        """The numbers of an arm's columns."""
        return [number for number, column in enumerate(self.columns) if column.arm == arm]


def cells(runs: Sequence[Mapping[str, Any]], episodes: Mapping[str, Mapping[str, Any]]) -> Cells:
    """Join the episodes of the runs on one data set.

    **Arguments:**

    - `runs`: entries of `sweep.json`, all on the same data.
    - `episodes`: lines of `episodes.jsonl` by the run's name.

    **Raises:** `CheckpointError` naming a run whose episodes are of another form, or not those of the others.
    """
    tables: list[tuple[Mapping[str, Any], Table]] = []
    for run in runs:
        try:
            tables.append((run, tabulate(from_columns(episodes[run["name"]]))))
        except (ValueError, TypeError, OverflowError) as error:
            raise CheckpointError(f"The episodes of {run['name']} cannot be used: {error}.") from error
    first = tables[0][1]
    for run, table in tables:
        if _played(table) != _played(first) or table.measure != first.measure:
            raise CheckpointError(
                f"{run['name']} was not judged on the same agent seeds, tasks and environment seeds as "
                f"{tables[0][0]['name']}: give all arms of the sweep the same eval.episodes and eval.tasks, and judge "
                "by hand in a copy of the run."
            )
    columns = [Column(run["arm"], run["name"], w, run["varied"]) for run, table in tables for w in table.weights]
    values = [
        [np.concatenate([_measured(table, s, t) for _, table in tables], axis=1) for t in range(len(first.tasks))]
        for s in range(len(first.seeds))
    ]
    failed = [count for _, table in tables for count in table.failed]
    return Cells(columns, first.seeds, first.tasks, values, first.selecting, first.measure, failed)


def _measured(table: Table, seed: int, task: int) -> np.ndarray:
    """The measure of one cell, shape `(episodes, weights)`."""
    return table.values[seed][task][:, table.offset : table.offset + len(table.weights)]


def _played(table: Table) -> Any:
    """Who played what: agent seeds, tasks, and the environment seeds of every cell."""
    return table.seeds, table.tasks, [[cell.tolist() for cell in row] for row in table.env_seeds]
