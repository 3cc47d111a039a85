"""Calls of any length, and what lies between two log points: they change no bit of a run."""

import json

import numpy as np
import pytest

from cfgrl import CheckpointError
from cfgrl.runs._chunk_length import SECONDS, ChunkLength
from cfgrl.runs._running_means import RunningMeans


def metrics(updates: int) -> dict[str, np.ndarray]:
    return {"a": np.random.default_rng(0).normal(size=(2, updates)).astype(np.float32)}


def fill(window: RunningMeans, values: dict[str, np.ndarray], *lengths: int) -> None:
    begin = 0
    for length in lengths:
        window.add({name: array[:, begin : begin + length] for name, array in values.items()}, 0.5)
        begin += length


def test_a_mean_does_not_depend_on_the_lengths_of_calls_or_on_a_stop():
    values = metrics(100)
    whole, parts, before = (RunningMeans({}, 2) for _ in range(3))
    fill(whole, values, 100)
    fill(parts, values, 1, 1, 10, 37, 51)
    fill(before, values, 63)
    after = RunningMeans(json.loads(json.dumps(before.record)), 2)
    fill(after, {"a": values["a"][:, 63:]}, 37)
    means = [window.close()[0]["a"] for window in (whole, parts, after)]
    np.testing.assert_allclose(means[0], values["a"].mean(axis=1), rtol=1e-5)
    for mean in means[1:]:
        np.testing.assert_array_equal(mean, means[0])
    assert whole.record == {}, "a new window begins"


@pytest.mark.parametrize(
    "record", [{"count": "many"}, {"sums": 3}, {"sums": {"a": "x"}}, {"sums": {"a": [1.0]}}, {"count": -1}]
)
def test_a_record_of_another_form_is_refused(record: dict):
    with pytest.raises(CheckpointError, match="sums of metrics"):
        RunningMeans(record, 2)


def lengths(every: int, seconds: float, calls: int, steps: int = 10_000) -> list[int]:
    """Of calls on a machine that takes `seconds` for an update and five for compiling."""
    pace, step, made = ChunkLength(every), 0, []
    for call in range(calls):
        made.append(pace.length(step, steps))
        step += made[-1]
        pace.took(made[-1], made[-1] * seconds + (5.0 if call == 0 else 0.0))
    return made


def test_calls_grow_to_what_the_machine_can_do_in_time():
    assert lengths(100, 0.001, 6) == [1, 1, 10, 88, 100, 100]
    slow = lengths(100, 0.13, 12)
    assert slow[:3] == [1, 1, 10] and max(slow) * 0.13 <= SECONDS
    assert sum(slow[:-1]) >= 100 and any(sum(slow[:i]) == 100 for i in range(len(slow))), "a log point ends a call"
    assert lengths(100, 10.0, 4) == [1, 1, 1, 1], "an update that takes longer is a call of its own"
    assert max(lengths(10**7, 1e-5, 9, 10**8)) == 1000, "metrics take memory"
    assert lengths(100, 0.001, 4, steps=15) == [1, 1, 10, 3]
