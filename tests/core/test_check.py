"""The host's checks: each fault is refused by a sentence that names the array and the row."""

import time
from typing import Any

import numpy as np
import pytest

from cfgrl import DataError
from cfgrl.data._check import check_arrays, inspect_arrays


def episodes(**changes: Any) -> dict[str, np.ndarray]:
    """Two episodes of five rows that nothing is wrong with."""
    rng = np.random.default_rng(0)
    arrays = {
        "observations": rng.normal(size=(10, 3)).astype(np.float32),
        "actions": rng.uniform(-1, 1, (10, 2)).astype(np.float32),
        "terminals": np.array([0, 0, 0, 0, 1] * 2),
    }
    return {**arrays, **changes}


def with_value(name: str, place: tuple[int, ...], value: float) -> dict[str, np.ndarray]:
    arrays = episodes()
    arrays[name] = arrays[name].astype(np.float64)
    arrays[name][place] = value
    return arrays


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        (with_value("observations", (7, 2), np.nan), "observations, row 7, column 2, is not finite: nan"),
        (with_value("actions", (3, 1), np.inf), "actions, row 3, column 1, is not finite: inf"),
        (with_value("actions", (4, 0), -1.5), "actions, row 4, column 0, is out of range: -1.5"),
        (with_value("observations", (1, 0), 1e39), "observations, row 1, column 0, does not fit 32-bit floats"),
        (with_value("terminals", (2,), 0.5), "terminals, row 2, is neither 0 nor 1: 0.5"),
        (episodes(actions=np.zeros((9, 2), np.float32)), "observations 10, actions 9, terminals 10"),
        (episodes(rewards=np.zeros(11)), "rewards 11"),
        (episodes(actions=np.zeros((10, 2), np.int64)), "actions has dtype int64"),
        (episodes(observations=np.zeros((10, 3), complex)), "observations has dtype complex128"),
        (episodes(actions=np.zeros(10, np.float32)), "actions has shape \\(10,\\), but must be \\(rows, width\\)"),
        (episodes(terminals=np.zeros(10)), "terminals is zero in every row"),
        (episodes(terminals=np.array([0, 0, 0, 0, 1, 0, 0, 0, 0, 0])), "the last row \\(9\\) does not end an episode"),
        (episodes(terminals=np.array([0, 0, 0, 1, 1, 0, 0, 0, 0, 1])), "the episode that ends in row 4 has one row"),
        ({"observations": np.zeros((2, 1))}, "no array called actions, terminals"),
        ({name: array[:0] for name, array in episodes().items()}, "is empty"),
    ],
)
def test_a_fault_is_named(arrays: dict[str, np.ndarray], says: str) -> None:
    with pytest.raises(DataError, match=says) as caught:
        check_arrays(arrays, source="a/file.npz")
    assert str(caught.value).startswith("a/file.npz: ")


def test_all_faults_are_listed_together() -> None:
    arrays = with_value("observations", (0, 0), np.nan) | {"actions": with_value("actions", (0, 0), 2.0)["actions"]}
    assert len(inspect_arrays(arrays).errors) == 2


def test_sound_data_pass_whatever_their_layout() -> None:
    arrays = episodes(
        observations=np.random.default_rng(0).integers(0, 255, (10, 4, 4, 3)).astype(np.uint8),
        actions=np.asfortranarray(episodes()["actions"]).astype(np.float16),
        terminals=episodes()["terminals"].astype(bool),
    )
    assert check_arrays(arrays, source="arrays") == ()


def test_a_constant_column_is_a_warning() -> None:
    arrays = episodes()
    arrays["observations"][:, 1] = 4.0
    assert check_arrays(arrays, source="arrays") == ("observations, column 1: the same value in every row",)


def test_a_million_rows_are_quick() -> None:
    rows = 1_000_000
    rng = np.random.default_rng(0)
    terminals = np.zeros(rows, bool)
    terminals[999::1000] = True
    arrays = {
        "observations": rng.random((rows, 29), np.float32),
        "actions": rng.random((rows, 8), np.float32),
        "terminals": terminals,
    }
    start = time.process_time()
    check_arrays(arrays, source="arrays")
    assert time.process_time() - start < 2.0
