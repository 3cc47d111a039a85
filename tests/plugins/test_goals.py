"""Hindsight goals: which rows they come from, and how often each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cfgrl import Data, View
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.labelers.subgoals import Subgoals

N = 20_000


def rows(sampling: str, index: int, end: int) -> np.ndarray:
    """How often each row is the goal of row `index` in an episode that ends at row `end`."""
    keys = jax.random.split(jax.random.key(0), N)
    goals = Goals(sampling)
    drawn = jax.vmap(lambda k: goals.goal_row(jnp.int32(index), jnp.int32(end), key=k))(keys)
    return np.bincount(np.asarray(drawn), minlength=end + 2) / N


def expect(frequencies: np.ndarray, expected: dict[int, float]) -> None:
    probabilities = np.zeros_like(frequencies)
    for row, probability in expected.items():
        probabilities[row] = probability
    deviation = 5 * np.sqrt(probabilities * (1 - probabilities) / N)
    assert (np.abs(frequencies - probabilities) <= deviation).all()


def test_uniform_goals_are_all_later_rows_alike():
    expect(rows("uniform", 3, 8), {row: 1 / 5 for row in range(4, 9)})
    expect(rows("uniform", 7, 8), {8: 1.0})


def test_rounded_goals_halve_both_ends_and_never_reach_the_final_observation():
    expect(rows("rounded", 3, 9), {4: 1 / 8, 5: 1 / 4, 6: 1 / 4, 7: 1 / 4, 8: 1 / 8})
    expect(rows("rounded", 8, 9), {8: 1.0})
    expect(rows("rounded", 7, 9), {8: 1.0})


@pytest.mark.parametrize("sampling", ["uniform", "rounded"])
def test_a_label_is_the_action_taken_and_a_goal_of_the_same_episode(sampling: str):
    episode = np.repeat([0, 1, 2], 4)
    goals = np.stack([episode, np.arange(12)], axis=1).astype(np.float32)
    terminals = np.tile([0, 0, 0, 1], 3)
    data = Data.from_arrays(np.zeros((12, 1)), np.linspace(-0.9, 0.9, 12)[:, None], terminals, goals=goals)
    view = View()
    viewed = view.bind(view.fit(data), data)
    for index in data.transitions:
        for k in jax.random.split(jax.random.key(int(index)), 8):
            label = Goals(sampling).label(None, viewed, jnp.int32(index), key=k)
            assert float(label.target[0]) == data.columns["actions"][index, 0]
            assert float(label.context[0]) == episode[index]
            assert float(label.context[1]) > index or sampling == "rounded"


def test_geometric_goals_wait_geometrically_and_stop_at_the_end():
    expect(rows("geometric", 3, 7), {4: 0.01, 5: 0.0099, 6: 0.009801, 7: 1 - 0.01 - 0.0099 - 0.009801})
    drawn = jax.vmap(lambda k: Goals("geometric", discount=0.5).goal_row(jnp.int32(3), jnp.int32(9), key=k))(
        jax.random.split(jax.random.key(0), N)
    )
    expect(
        np.bincount(np.asarray(drawn), minlength=11) / N,
        {4: 1 / 2, 5: 1 / 4, 6: 1 / 8, 7: 1 / 16, 8: 1 / 32, 9: 1 / 32},
    )


def test_offset_goals_are_k_rows_on_or_the_end():
    assert [
        int(Goals("offset", steps=3).goal_row(jnp.int32(i), jnp.int32(9), key=jax.random.key(0))) for i in (2, 6, 8)
    ] == [5, 9, 9]


def test_a_subgoal_is_k_rows_on_but_never_beyond_the_goal():
    goals = np.arange(24, dtype=np.float32)[:, None]
    terminals = np.tile([0.0] * 11 + [1.0], 2)
    data = Data.from_arrays(np.zeros((24, 1)), np.zeros((24, 1)), terminals, goals=goals)
    view = View()
    viewed = view.bind(view.fit(data), data)
    keys = jax.random.split(jax.random.key(0), 400)
    label = jax.jit(jax.vmap(lambda k: Subgoals(steps=4).label(None, viewed, jnp.int32(3), key=k)))(keys)
    goal, subgoal = np.asarray(label.context)[:, 0], np.asarray(label.target)[:, 0]
    assert set(goal) == set(range(4, 12))
    np.testing.assert_array_equal(subgoal, np.minimum(7, goal))
