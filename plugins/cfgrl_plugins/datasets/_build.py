"""From named arrays to `Data`: actions clipped by choice, columns of one number flattened, episodes held out.

data = build(arrays, layout="transitions", clip=False, source="mine.hdf5")
training, validation = hold_out(data, 0.1)
"""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import numpy as np

from cfgrl import DataError

from ._rows import split

if TYPE_CHECKING:
    from cfgrl import Data

#: Arrays of one number a row, which files also hold as a column.
_NUMBERS = ("rewards", "masks", "terminals", "timeouts")


def build(
    arrays: Mapping[str, np.ndarray], *, layout: Literal["transitions", "rows"], clip: bool, source: str
) -> "Data":
    """Check arrays and make `Data` of them.

    **Arguments:**

    - `arrays`: as `Data.from_transitions` or, where `layout` is `rows`, `Data.from_arrays` takes them; arrays of one
      number a row may have the shape `(rows, 1)`.
    - `clip`: whether actions beyond [-1, 1] are clipped, which standard error tells; otherwise they are an error.
    - `source`: the file, for an error.

    **Raises:** `DataError` naming the source, the key and the row.
    """
    from cfgrl import Data

    arrays = {name: _flat(array) if name in _NUMBERS else array for name, array in arrays.items()}
    actions = arrays["actions"]
    beyond = _beyond(actions)
    if clip and beyond.any():
        rows = int(beyond.reshape(len(beyond), -1).any(axis=1).sum())
        print(f"{source}: actions in {rows:,} rows were clipped to [-1, 1].", file=sys.stderr, flush=True)
        arrays["actions"] = np.where(beyond, np.sign(actions), actions)
    try:
        make = Data.from_transitions if layout == "transitions" else Data.from_arrays
        return make(**arrays, source=source)
    except DataError as error:
        if beyond.any() and not clip:
            raise DataError(f"{error} Actions are clipped with dataset.clip_actions=true.") from None
        raise


def hold_out(data: "Data", share: float) -> "tuple[Data, Data | None]":
    """Keep a share of the episodes, evenly spread over the file, for validation; `None` if there is none."""
    training, validation = split(data.n_episodes, share)
    if not validation:
        return data, None
    ends = np.unique(data.last)
    held = np.isin(data.last, ends[validation])
    return _rows(data, ~held), _rows(data, held)


def _rows(data: "Data", kept: np.ndarray) -> "Data":
    """The episodes whose rows are `kept`."""
    place = (np.cumsum(kept) - 1).astype(np.int32)  # where a kept row comes to stand
    columns = {name: np.asarray(column)[kept] for name, column in data.columns.items() if name != "goals"}
    shared = data.columns["goals"] is data.columns["observations"]
    columns["goals"] = columns["observations"] if shared else np.asarray(data.columns["goals"])[kept]
    transitions = data.transitions[kept[data.transitions]]
    return type(data)(columns, place[data.last[kept]], place[transitions])


def _beyond(actions: np.ndarray) -> np.ndarray:
    """Where actions are numbers beyond [-1, 1]; infinity is a fault and not a large action."""
    if actions.dtype.kind not in "fiu":
        return np.zeros(actions.shape, bool)
    return np.isfinite(actions) & ((actions > 1) | (actions < -1))


def _flat(array: np.ndarray) -> np.ndarray:
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
