"""Logged transitions as episodes of rows: D4RL's and most other files say `(s, a, r, s', terminal, timeout)`.

Here an episode of T transitions has T + 1 rows, the last one an observation only. That row is the last `s'` where the
source has one. Where it has none, an episode that ended for good gets a copy of its last observation (its mask is 0,
so that nobody values it) and keeps its last reward; one that was merely cut off gives up its last action instead,
since what the action led to is not known.
"""

import math
from collections.abc import Mapping

import numpy as np


def to_rows(
    columns: Mapping[str, np.ndarray],
    terminals: np.ndarray,
    timeouts: np.ndarray | None = None,
    next_observations: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Episodes of T + 1 rows from transitions in their order in time.

    **Arguments:**

    - `columns`: arrays with one entry a transition: `observations`, `actions`, and where there are any `rewards`.
    - `terminals`: `(transitions,)`, true where the task ended for good.
    - `timeouts`: `(transitions,)`, true where an episode was cut off; the last transition always ends one.
    - `next_observations`: what each transition led to. Where it is not the observation of the following transition,
      an episode was cut off too.

    **Returns:** `columns` with one entry a row, `masks` and `terminals` as `Data.from_arrays` takes them.
    """
    final = np.asarray(terminals) != 0
    ends = final.copy()
    ends[-1:] = True
    if timeouts is not None:
        ends |= np.asarray(timeouts) != 0
    if next_observations is None:
        appended = final
        kept = appended | ~(ends & np.concatenate([[True], ends[:-1]]))  # a cut transition alone leads nowhere
    else:
        ends[:-1] |= _differ(next_observations[:-1], columns["observations"][1:])
        appended, kept = ends, np.ones(len(ends), bool)
    place = np.cumsum(kept) - 1 + np.concatenate([[0], np.cumsum(appended)[:-1]])
    rows = int(kept.sum() + appended.sum())
    placed: dict[str, np.ndarray] = {}
    for name, column in {**columns, "masks": (~final).astype(np.float32)}.items():
        column = np.asarray(column)
        placed[name] = np.full((rows, *column.shape[1:]), 1 if name == "masks" else 0, column.dtype)
        placed[name][place[kept]] = column[kept]
    following = columns["observations"] if next_observations is None else next_observations
    placed["observations"][place[appended] + 1] = np.asarray(following)[appended]
    placed["terminals"] = np.zeros(rows, np.float32)
    placed["terminals"][place[ends & kept] + appended[ends & kept]] = 1
    return placed


def _differ(after: np.ndarray, before: np.ndarray, size: int = 1 << 24) -> np.ndarray:
    """For each pair of rows whether they differ, shape `(rows,)`; numbers of different types as 32-bit floats.

    About `size` bytes of each are looked at together.
    """
    found = [np.zeros(0, bool)]
    block = max(1, size // max(1, math.prod(after.shape[1:]) * after.itemsize))
    kind = after.dtype if after.dtype == before.dtype else np.float32
    for start in range(0, len(after), block):
        left, right = (array[start : start + block].astype(kind, copy=False) for array in (after, before))
        found.append((left != right).reshape(len(left), -1).any(axis=1))
    return np.concatenate(found)
