"""Transitions become rows; checked against a loop that goes through them one by one."""

import numpy as np
import pytest

from cfgrl import Data, DataError


def transitions(rng: np.random.Generator, lengths: list[int]) -> dict[str, np.ndarray]:
    n = sum(lengths)
    ends = np.zeros(n, bool)
    ends[np.cumsum(lengths) - 1] = True
    final = ends & (rng.random(n) < 0.5)
    observations = rng.normal(size=(n, 3)).astype(np.float32)
    following = np.roll(observations, -1, axis=0)
    following[ends] = rng.normal(size=(ends.sum(), 3))
    return {
        "observations": observations,
        "actions": rng.uniform(-1, 1, (n, 2)).astype(np.float32),
        "rewards": rng.normal(size=n).astype(np.float32),
        "terminals": final,
        "timeouts": ends & ~final,
        "next_observations": following,
    }


def one_by_one(t: dict[str, np.ndarray], *, with_next: bool) -> list[list[tuple]]:
    """Each episode as a list of (observation, action, reward, mask) and a last (observation, None, None, None)."""
    episodes, current = [], []
    for i in range(len(t["actions"])):
        end = bool(t["terminals"][i] or t["timeouts"][i] or i == len(t["actions"]) - 1)
        row = (t["observations"][i], t["actions"][i], t["rewards"][i], 0.0 if t["terminals"][i] else 1.0)
        if not end:
            current.append(row)
            continue
        if with_next:
            current += [row, (t["next_observations"][i], None, None, None)]
        elif t["terminals"][i]:
            current += [row, (t["observations"][i], None, None, None)]
        else:
            current.append((t["observations"][i], None, None, None))
        if len(current) > 1:
            episodes.append(current)
        current = []
    return episodes


@pytest.mark.parametrize("with_next", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_rows_are_those_of_a_loop(with_next: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    t = transitions(rng, [4, 1, 3, 1, 1, 6, 2])
    if seed == 3:  # the file ends in the middle of an episode
        t["terminals"][-1] = t["timeouts"][-1] = False
    given = dict(t) if with_next else {k: v for k, v in t.items() if k != "next_observations"}
    data = Data.from_transitions(**given)
    expected = one_by_one(t, with_next=with_next)
    assert data.n_episodes == len(expected)
    assert data.n_transitions == sum(len(e) - 1 for e in expected)
    row = 0
    for episode in expected:
        for observation, action, reward, mask in episode:
            np.testing.assert_array_equal(data.columns["observations"][row], observation)
            assert data.last[row] == row + len(episode) - 1 - [x is observation for x, *_ in episode].index(True)
            if action is not None:
                np.testing.assert_array_equal(data.columns["actions"][row], action)
                assert data.columns["rewards"][row] == reward
                assert data.columns["masks"][row] == mask
                assert row in data.transitions
            else:
                assert row not in data.transitions
            row += 1
    assert row == len(data.last)


def test_a_jump_in_next_observations_ends_an_episode() -> None:
    t = transitions(np.random.default_rng(0), [6])
    t["next_observations"][2] += 1.0
    data = Data.from_transitions(**t)
    assert data.n_episodes == 2
    assert data.n_transitions == 6
    np.testing.assert_array_equal(data.columns["observations"][3], t["next_observations"][2])


def test_without_rewards_there_are_no_masks() -> None:
    t = transitions(np.random.default_rng(0), [6])
    del t["rewards"]
    assert "masks" not in Data.from_transitions(**t).columns


def test_images_stay_bytes() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype(np.uint8)
    data = Data.from_transitions(pixels, np.zeros((4, 1), np.float32), np.array([0, 0, 0, 1]))
    assert data.columns["observations"].dtype == np.uint8


def test_a_fault_is_named_by_the_row_of_the_source() -> None:
    t = transitions(np.random.default_rng(0), [2, 2, 2])
    t["rewards"][5] = np.nan
    with pytest.raises(DataError, match=r"walker.hdf5: rewards, row 5, is not finite"):
        Data.from_transitions(**t, source="walker.hdf5")
    t = transitions(np.random.default_rng(0), [2, 2])
    t["next_observations"] = t["next_observations"][:, :2]
    with pytest.raises(DataError, match=r"next_observations has shape \(4, 2\), but observations \(4, 3\)"):
        Data.from_transitions(**t)
