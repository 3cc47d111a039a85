"""What is checked on the host before a row reaches a device.

JAX turns these faults into silence: an out-of-range gather clamps, an int64 wraps to int32, a NaN trains a network
of NaNs. Here each one is an error that names the array, the row and what to do.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from cfgrl._errors import DataError

#: Rows looked at together: keeps the boolean temporaries of a large array small.
_BLOCK = 1 << 18
_FLOAT32_MAX = float(np.finfo(np.float32).max)

_ALLOWED_KINDS = {
    "observations": ("f", "floating-point numbers or uint8 pixels"),
    "goals": ("f", "floating-point numbers or uint8 pixels"),
    "next_observations": ("f", "floating-point numbers or uint8 pixels"),
    "actions": ("f", "floating-point numbers"),
    "rewards": ("fiu", "numbers"),
    "masks": ("bfiu", "zeros and ones"),
    "terminals": ("bfiu", "zeros and ones"),
    "timeouts": ("bfiu", "zeros and ones"),
}
#: Arrays of zeros and ones.
_FLAGS = ("terminals", "timeouts", "masks")
_PIXELS = ("observations", "next_observations", "goals")


class Findings(NamedTuple):
    """What was found: `errors` make the data unusable, `warnings` are worth knowing."""

    errors: tuple[str, ...]
    warnings: tuple[str, ...]


def check_arrays(columns: Mapping[str, np.ndarray], *, source: str, episodes: bool = True) -> tuple[str, ...]:
    """Refuse logged episodes that cannot be learnt from.

    **Arguments:**

    - `columns`: arrays by name with one row a time step: `observations`, `actions` and `terminals`, and where there
      are any `goals`, `rewards` and others. `terminals` is 1 on the last row of each episode, and that row is an
      observation only.
    - `source`: where the arrays came from (a file's path), for the message.
    - `episodes`: whether `terminals` must mark last rows like this; false if each entry is a transition.

    **Returns:** warnings, one sentence each (a column that never changes).

    **Raises:** `DataError` that lists every fault with the array, the row and what to do.
    """
    errors, warnings = inspect_arrays(columns, episodes=episodes)
    if errors:
        raise DataError(f"{source}: " + "; ".join(errors) + ".")
    return warnings


def inspect_arrays(columns: Mapping[str, np.ndarray], *, episodes: bool = True) -> Findings:
    """Find all that `check_arrays` refuses or warns of, without raising."""
    errors = list(_shape_errors(columns))
    if errors:  # the checks of values below assume that rows line up
        return Findings(tuple(errors), ())
    warnings = []
    for name, array in columns.items():
        errors += _value_errors(name, array)
        if name not in _FLAGS and not errors:
            warnings += _constant_columns(name, array)
    if episodes:
        errors += _episode_errors(np.asarray(columns["terminals"]))
    return Findings(tuple(errors), tuple(warnings))


def _shape_errors(columns: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Missing arrays, wrong kinds, wrong numbers of axes, unequal lengths."""
    missing = [name for name in ("observations", "actions", "terminals") if name not in columns]
    if missing:
        yield f"there is no array called {', '.join(missing)} (found: {', '.join(columns) or 'nothing'})"
        return
    for name, array in columns.items():
        kinds, wanted = _ALLOWED_KINDS.get(name, ("bfiu", "numbers"))
        pixels = array.dtype == np.uint8 and name in _PIXELS
        if array.dtype.kind not in kinds and not pixels:
            yield f"{name} has dtype {array.dtype}, but must hold {wanted}: convert it"
        axes = 1 if name in (*_FLAGS, "rewards") else 2
        if array.ndim < axes or (array.ndim > axes and axes == 1) or (name == "actions" and array.ndim != 2):
            shape = "(rows,)" if axes == 1 else "(rows, width)"
            yield f"{name} has shape {array.shape}, but must be {shape}"
        elif 0 in array.shape:
            yield f"{name} is empty: its shape is {array.shape}"
    following = columns.get("next_observations")
    if following is not None and following.shape != columns["observations"].shape:
        yield f"next_observations has shape {following.shape}, but observations {columns['observations'].shape}"
    lengths = {name: (len(array) if array.ndim else 0) for name, array in columns.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
        yield f"the arrays differ in their number of rows ({listed}): each needs one row a time step"


def _value_errors(name: str, array: np.ndarray) -> Iterator[str]:
    """Values that are not finite, do not fit float32, or lie outside their range: the first of each."""
    if array.dtype.kind != "f":
        if name in _FLAGS and array.dtype.kind != "b":
            yield from _first(name, array, lambda block: (block != 0) & (block != 1), "is neither 0 nor 1", "")
        return
    low, high = array.min(), array.max()  # a NaN anywhere makes both NaN: one pass when nothing is wrong
    if not (np.isfinite(low) and np.isfinite(high)):
        yield from _first(
            name, array, lambda block: ~np.isfinite(block), "is not finite", "remove or mend that episode"
        )
        return
    if name in _FLAGS:
        yield from _first(name, array, lambda block: (block != 0) & (block != 1), "is neither 0 nor 1", "")
    elif name == "actions" and (low < -1 or high > 1):
        hint = "actions must lie within [-1, 1]: rescale them"
        yield from _first(name, array, lambda block: np.abs(block) > 1, "is out of range", hint)
    elif max(-float(low), float(high)) > _FLOAT32_MAX:
        yield from _first(
            name, array, lambda block: np.abs(block) > _FLOAT32_MAX, "does not fit 32-bit floats", "rescale it"
        )


def _first(name: str, array: np.ndarray, wrong, what: str, hint: str) -> Iterator[str]:
    """Describe the first value for which `wrong` holds, with how many rows are affected."""
    first, rows = None, 0
    for start in range(0, len(array), _BLOCK):
        bad = wrong(array[start : start + _BLOCK])
        bad_rows = bad.reshape(len(bad), -1).any(axis=1)
        rows += int(bad_rows.sum())
        if first is None and bad_rows.any():
            row = start + int(bad_rows.argmax())
            first = (row, *np.argwhere(bad[row - start])[0]) if array.ndim > 1 else (row,)
    if first is not None:
        column = f", column {', '.join(str(i) for i in first[1:])}" if len(first) > 1 else ""
        others = f" (so in {rows:,} rows)" if rows > 1 else ""
        yield f"{name}, row {first[0]}{column}, {what}: {array[first]}{others}" + (f"; {hint}" if hint else "")


def _constant_columns(name: str, array: np.ndarray) -> Iterator[str]:
    """Columns that never change carry nothing, and have no scale to normalise by."""
    if array.ndim != 2 or len(array) < 2:
        return
    constant = np.flatnonzero((array[:_BLOCK] == array[0]).all(axis=0))
    constant = [int(i) for i in constant if (array[_BLOCK:, i] == array[0, i]).all()]
    if constant:
        plural = "columns" if len(constant) > 1 else "column"
        yield f"{name}, {plural} {', '.join(map(str, constant))}: the same value in every row"


def _episode_errors(terminals: np.ndarray) -> Iterator[str]:
    """Episodes must end, the last one included, and hold at least one transition."""
    ends = np.flatnonzero(terminals)
    if len(ends) == 0:
        yield "terminals is zero in every row: mark the last row of each episode with 1"
        return
    if ends[-1] != len(terminals) - 1:
        yield f"the last row ({len(terminals) - 1}) does not end an episode: its terminals entry must be 1"
    lengths = np.diff(ends, prepend=-1)
    if lengths.min() < 2:
        row = int(ends[lengths.argmin()])
        yield f"the episode that ends in row {row} has one row; it needs two, since the last row is an observation only"
