"""What sources of whole episodes have in common: checks that name the episode, the last row, a share to validate on."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cfgrl import DataError

if TYPE_CHECKING:
    from cfgrl import Data


def require_finite(array: np.ndarray, where: str) -> None:
    """Raise `DataError` naming `where` and the row where a number of `array`, `(rows, ...)`, is not finite."""
    finite = np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if not finite.all():
        raise DataError(f"{where}, row {int(finite.argmin())}, is not finite: remove or mend that episode.")


def require_shape(array: np.ndarray, shape: tuple[int, ...], where: str, why: str) -> None:
    """Raise `DataError` naming `where` unless `array` holds numbers or booleans in `shape`; `why` says who wants it."""
    if array.shape != shape:
        raise DataError(f"{where} has shape {array.shape}, but {why} {shape}.")
    if array.dtype.kind not in "biuf":
        raise DataError(f"{where} has dtype {array.dtype}, but must hold numbers.")


def require_unit(actions: np.ndarray, where: str, remedy: str) -> None:
    """Raise `DataError` naming `where`, the row and a `remedy` where an action `(rows, action)` is beyond [-1, 1]."""
    outside = (np.abs(actions) > 1).any(axis=1)
    if outside.any():
        row, rows = int(outside.argmax()), int(outside.sum())
        raise DataError(f"{where}, row {row}, is beyond the environment's bounds (so in {rows:,} rows): {remedy}.")


def with_last(values: np.ndarray, last: float) -> np.ndarray:
    """Values of an episode's transitions, with one more for its last row, which is an observation only."""
    return np.concatenate([values, np.full((1, *values.shape[1:]), last, values.dtype)])


def require_widths(
    columns: Mapping[str, Any], expected: Mapping[str, tuple[int, ...]], path: pathlib.Path, source: str
) -> None:
    """Raise `DataError` naming `path` if a row of one of `columns` differs in shape from those of `source`."""
    for column, wanted in expected.items():
        shape = tuple(columns[column].shape[1:])
        if shape != wanted:
            raise DataError(f"{path}: a row of {column} has shape {shape}, but in {source} {wanted}.")


def split(count: int, share: float) -> tuple[list[int], list[int]]:
    """Which of `count` episodes are to train on and which to validate on: a share of them, evenly spread."""
    validation = [i for i in range(count) if int((i + 1) * share) > int(i * share)]
    if not validation and share > 0 and count > 1:
        validation = [count - 1]
    chosen = set(validation)
    return [i for i in range(count) if i not in chosen], validation


def split_data(
    episodes: Sequence[Mapping[str, np.ndarray]], share: float, *, source: str
) -> "tuple[Data, Data | None]":
    """Training and validation data of whole episodes, `share` of them to validate on. Raises `DataError`."""
    from cfgrl import Data

    training, validation = ([episodes[i] for i in picked] for picked in split(len(episodes), share))
    made = [Data.from_arrays(**stack(part), source=source) for part in (training, validation) if part]
    return made[0], made[1] if len(made) > 1 else None


def stack(episodes: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The rows of all episodes, in order, with `terminals` that mark the last row of each."""
    columns = {name: np.concatenate([episode[name] for episode in episodes]) for name in episodes[0]}
    ends = np.cumsum([len(episode["observations"]) for episode in episodes]) - 1
    terminals = np.zeros(len(columns["observations"]), np.float32)
    terminals[ends] = 1
    return {**columns, "terminals": terminals}
