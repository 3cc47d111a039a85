"""Rewards and masks on their way from arrays to labelers, and step sizes on their way down."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from cfgrl import Data, DataError, Optimizer, View

ROWS = {"observations": np.zeros((4, 1)), "actions": np.zeros((4, 1)), "terminals": np.array([0, 0, 0, 1])}


def test_masks_are_ones_where_only_rewards_are_given():
    data = Data.from_arrays(**ROWS, rewards=np.arange(4))
    assert (data.columns["masks"] == 1).all() and data.columns["masks"].dtype == np.float32
    assert "masks" not in Data.from_arrays(**ROWS).columns


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"masks": np.ones(4)}, "masks say where rewards end, but no rewards are given"),
        ({"masks": np.array([1, 0.5, 1, 1]), "rewards": np.ones(4)}, "masks, row 1, is neither 0 nor 1: 0.5"),
        ({"masks": np.ones((4, 1)), "rewards": np.ones(4)}, r"masks has shape \(4, 1\), but must be \(rows,\)"),
        ({"masks": np.ones(3), "rewards": np.ones(4)}, "differ in their number of rows"),
    ],
)
def test_masks_that_cannot_be_are_refused(given: dict, sentence: str):
    with pytest.raises(DataError, match=sentence):
        Data.from_arrays(**ROWS, **given)


def test_the_view_shifts_and_scales_rewards_and_nothing_else():
    data = Data.from_arrays(**ROWS, rewards=np.arange(4), masks=np.array([1, 1, 0, 1]))
    view = View(reward_shift=-0.5, reward_scale=4.0)
    rows = view.bind(view.fit(data), data).take(jnp.arange(4))
    np.testing.assert_allclose(rows["rewards"], (np.arange(4) - 0.5) * 4.0)
    np.testing.assert_array_equal(rows["masks"], [1, 1, 0, 1])


def test_what_a_labeler_requires_is_named_with_the_reason():
    view = View()
    data = Data.from_arrays(**ROWS)
    with pytest.raises(DataError, match="The data have no rewards, which somebody needs"):
        view.bind(view.fit(data), data).require("observations", "rewards", why="somebody needs")


def test_a_decaying_step_size_follows_half_a_cosine_to_zero():
    optimizer, net = Optimizer(learning_rate=0.1, decay_steps=4), jnp.zeros(())
    state, moves = optimizer.init(net), []
    step = eqx.filter_jit(optimizer.apply)
    for _ in range(6):
        moved, state = step(net, jnp.ones(()), state)
        moves.append(float(net - moved))
        net = moved
    # Adam's direction under a constant gradient is 1.
    expected = [0.05 * (1 + np.cos(np.pi * min(n, 4) / 4)) for n in range(6)]
    np.testing.assert_allclose(moves, expected, atol=1e-5)
