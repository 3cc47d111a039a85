"""What is in a file of episodes, for a person to read: rows, episodes, returns, ranges, and what is wrong with it.

A file's arrays come in one of two layouts. In `rows` an episode of T transitions has T + 1 rows, the last one an
observation only (OGBench); in `transitions` each entry is one (D4RL). What a file does not say is guessed: HDF5, and
arrays `timeouts` or `next_observations`, mean transitions.
"""

import pathlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from cfgrl.data._check import Findings, inspect_arrays
from cfgrl.data._transitions import to_rows
from cfgrl.files._arrays import array_names, is_hdf5, read_arrays

if TYPE_CHECKING:
    from cfgrl.data._data import Data

Layout = Literal["rows", "transitions"]
#: The arrays that mean something, which a file may call otherwise.
COLUMNS = ("observations", "actions", "rewards", "masks", "terminals", "timeouts", "next_observations", "goals")
_NUMBERS = ("rewards", "masks", "terminals", "timeouts")
#: An action this near to -1 or 1 counts as one at the bounds.
_AT_BOUND = 1 - 1e-6


def survey(
    path: str | pathlib.Path, names: Mapping[str, str] | None = None, layout: Layout | None = None
) -> dict[str, Any]:
    """Look through an npz or HDF5 file of episodes.

    **Arguments:**

    - `path`: the file.
    - `names`: what the arrays in it are called, where not as `COLUMNS`.
    - `layout`: `rows` or `transitions`; `None` for a guess.

    **Returns:** `file`, `bytes`, `layout`, `not_read` (names of other arrays, where the file is HDF5 or `names` say
    which matter), and what `survey_arrays` returns. Plain values, ready for JSON.

    **Raises:** `DataError` where the file cannot be read at all, or lacks an array of `names`.
    """
    path, names = pathlib.Path(path), names or {}
    called = {column: names.get(column, column) for column in COLUMNS}
    arrays = read_arrays(path, called, optional=[column for column in COLUMNS if column not in names])
    others = [name for name in array_names(path) if name not in called.values()]
    guess = "transitions" if is_hdf5(path) or {"timeouts", "next_observations"} & arrays.keys() else "rows"
    if not arrays or not (names or is_hdf5(path)):  # among them the states that OGBench's rewards are computed from
        arrays |= read_arrays(path, {name: name for name in others})
        others = []
    about = {"file": str(path), "bytes": path.stat().st_size, "layout": layout or guess}
    return {**about, **survey_arrays(arrays, layout or guess), "not_read": others}


def survey_data(data: "Data", name: str) -> dict[str, Any]:
    """Look through loaded data, called `name`; the same values as `survey`, without a size on disk."""
    rows = np.arange(len(data.last))
    arrays = {key: np.asarray(column) for key, column in data.columns.items()}
    arrays = {key: array for key, array in arrays.items() if key != "goals" or array is not arrays["observations"]}
    terminals = (np.asarray(data.last) == rows).astype(np.float32)
    return {"file": name, "bytes": None, "layout": "rows", **survey_arrays({**arrays, "terminals": terminals}, "rows")}


def survey_arrays(arrays: Mapping[str, np.ndarray], layout: Layout) -> dict[str, Any]:
    """Look through named arrays.

    **Returns:**

    - `rows`, `episodes`, `lengths` (`min`, `median`, `max` rows of an episode), `transitions`: of the episodes as
      they would be trained on;
    - `entries`: of the longest array;
    - `arrays`: for each `dtype`, `shape`, and the `min` and `max` of its finite values;
    - `returns`: `min`, `mean`, `max` over episodes; `None` without rewards;
    - `ended_for_good`: the share of transitions that end their task, `actions_at_bounds`: the share of action
      numbers that are -1 or 1; `None` if the arrays do not tell;
    - `problems`: why they cannot be learnt from; `warnings`.
    """
    arrays = {name: _flat(array) if name in _NUMBERS else array for name, array in arrays.items()}
    rows, findings = _as_rows(arrays, layout)
    terminals = rows.get("terminals")
    sound = not findings.errors
    return {
        "rows": max((array.shape[0] for array in rows.values() if array.ndim), default=0),
        "entries": max((array.shape[0] for array in arrays.values() if array.ndim), default=0),
        **_episodes(terminals),
        "arrays": {name: _describe(array) for name, array in arrays.items()},
        **(_learnt_from(rows) if sound else dict.fromkeys(("returns", "ended_for_good", "actions_at_bounds"))),
        "problems": list(findings.errors),
        "warnings": list(findings.warnings),
    }


def _as_rows(arrays: dict[str, np.ndarray], layout: Layout) -> tuple[dict[str, np.ndarray], Findings]:
    """The arrays as rows, and what is wrong with them; arrays with a fault stay as they are."""
    if not {"observations", "actions"} <= arrays.keys():
        return arrays, inspect_arrays(arrays)
    if layout == "rows":
        length = arrays["observations"].shape[:1]
        lined_up = {name for name, array in arrays.items() if array.ndim > 1 and array.shape[:1] == length}
        return arrays, inspect_arrays({name: arrays[name] for name in arrays if name in lined_up.union(COLUMNS)})
    known = {name: array for name, array in arrays.items() if name in COLUMNS}
    if "terminals" not in known and {"timeouts", "next_observations"} & known.keys():
        known["terminals"] = np.zeros(known["actions"].shape[:1], np.float32)
    findings = inspect_arrays(known, episodes=False)
    if findings.errors:
        return arrays, findings
    columns = {name: known[name] for name in ("observations", "actions", "rewards") if name in known}
    rows = to_rows(columns, known["terminals"], known.get("timeouts"), known.get("next_observations"))
    return rows, Findings(inspect_arrays(rows).errors, findings.warnings)


def _episodes(terminals: np.ndarray | None) -> dict[str, Any]:
    lengths = np.zeros(0, int)
    if terminals is not None and terminals.ndim == 1:
        lengths = np.diff(np.flatnonzero(terminals), prepend=-1)
    of = {"min": np.min, "median": np.median, "max": np.max}
    return {
        "episodes": len(lengths),
        "transitions": int(np.maximum(lengths - 1, 0).sum()),
        "lengths": {name: int(f(lengths)) if len(lengths) else 0 for name, f in of.items()},
    }


def _learnt_from(rows: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """What only sound rows tell. An episode's last row is an observation, so that its other entries do not count."""
    starts = np.asarray(rows["terminals"]) == 0
    ends = np.flatnonzero(~starts)
    rewards, masks = rows.get("rewards"), rows.get("masks")
    returns = None
    if rewards is not None:
        paid = np.where(starts, rewards, 0).astype(np.float64)
        sums = np.add.reduceat(paid, np.concatenate([[0], ends[:-1] + 1]))
        returns = {"min": sums.min().item(), "mean": sums.mean().item(), "max": sums.max().item()}
    actions = rows["actions"][starts]
    return {
        "returns": returns,
        "ended_for_good": None if masks is None else float((masks[starts] == 0).mean()),
        "actions_at_bounds": float((np.abs(actions) >= _AT_BOUND).mean()),
    }


def _flat(array: np.ndarray) -> np.ndarray:
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _describe(array: np.ndarray) -> dict[str, Any]:
    finite = array
    if array.size and not np.isfinite((array.min(), array.max())).all():
        finite = array[np.isfinite(array)]
    low, high = (finite.min().item(), finite.max().item()) if finite.size else (None, None)
    return {"dtype": str(array.dtype), "shape": list(array.shape), "min": low, "max": high}
