"""Hindsight goals: which rows they come from, and how often each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cfgrl import Data, View
from cfgrl_plugins.labelers.goals import Goals

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
