"""IQL: its losses against NumPy, its values against the tabular solution of a chain, its goals."""

import chain
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from references import heads, perceptron

from cfgrl import DataError, nn
from cfgrl.testing._parts import example_data
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.labelers.iql import IQL

INDEX = jnp.array([0, 3, 8, 12, 20], jnp.int32)
NETWORK = nn.MLP(hidden=(12, 12), layer_norm="after")


def prepared(**fields):
    """A labeler, the data, and a state whose slow heads differ from the trained ones."""
    labeler, data = IQL(NETWORK, expectile=0.8, discount=0.95, **fields), chain.viewed(example_data())
    init = eqx.filter_jit(labeler.init)
    state, other = init(data, key=jax.random.key(3)), init(data, key=jax.random.key(4))
    return labeler, data, eqx.tree_at(lambda s: s.target, state, other.target)


def by_hand(state, batch, expectile=0.8, discount=0.95):
    """(value loss, critic loss, advantage) of a batch in double precision."""
    columns = {name: np.asarray(getattr(batch, name), np.float64) for name in ("observation", "action", "following")}
    context = np.zeros((len(INDEX), 0)) if batch.context is None else np.asarray(batch.context, np.float64)
    seen = np.concatenate([columns["observation"], context], axis=1)
    after = np.concatenate([columns["following"], context], axis=1)
    both = np.concatenate([seen, columns["action"]], axis=1)
    v, following = perceptron(state.online.v.net, seen)[:, 0], perceptron(state.online.v.net, after)[:, 0]
    q, slow = heads(state.online.q.net, both), heads(state.target.net, both)
    target = np.asarray(batch.reward) + discount * np.asarray(batch.mask) * following
    surprise = slow.min(axis=1) - v
    weight = np.where(surprise > 0, expectile, 1 - expectile)
    return (weight * surprise**2).mean(), ((q - target[:, None]) ** 2).mean(), q.min(axis=1) - v, slow.min(axis=1) - v


@pytest.mark.parametrize("goals", [None, Goals()])
def test_the_losses_are_those_computed_by_hand(goals):
    labeler, data, state = prepared(goals=goals)
    batch = eqx.filter_jit(labeler.batch)(data, INDEX, key=jax.random.key(5))
    if goals is None:
        rows = jax.tree.map(np.asarray, data.take(INDEX))
        np.testing.assert_array_equal(batch.reward, rows["rewards"])
        np.testing.assert_array_equal(batch.following, data.data.columns["observations"][np.asarray(INDEX) + 1])
    loss, metrics = eqx.filter_jit(labeler.loss)(state.online, state.target, batch)
    value_loss, critic_loss, _, _ = by_hand(state, batch)
    assert float(metrics["value_loss"]) == pytest.approx(value_loss, rel=1e-4)
    assert float(metrics["critic_loss"]) == pytest.approx(critic_loss, rel=1e-4)
    assert float(loss) == pytest.approx(value_loss + critic_loss, rel=1e-4)


def test_the_value_learns_nothing_from_the_critic_loss():
    labeler, data, state = prepared()
    batch = eqx.filter_jit(labeler.batch)(data, INDEX, key=jax.random.key(5))
    gradient = eqx.filter_jit(eqx.filter_grad(lambda online: labeler.loss(online, state.target, batch)[0]))(
        state.online
    )
    bias = state.online.v.net.layers[-1].bias

    def value_loss(shift):
        moved = eqx.tree_at(lambda s: s.online.v.net.layers[-1].bias, state, bias + shift)
        return by_hand(moved, batch)[0]

    slope = (value_loss(1e-4) - value_loss(-1e-4)) / 2e-4
    assert float(gradient.v.net.layers[-1].bias[0]) == pytest.approx(slope, rel=1e-3)


@pytest.mark.parametrize("advantage", ["online", "target"])
def test_the_advantage_is_the_smaller_q_minus_v(advantage: str):
    labeler, data, state = prepared(advantage=advantage)
    batch = eqx.filter_jit(labeler.batch)(data, INDEX, key=jax.random.key(5))
    labels = eqx.filter_jit(jax.vmap(lambda i: labeler.label(state, data, i, key=jax.random.key(0))))(INDEX)
    expected = by_hand(state, batch)[2 if advantage == "online" else 3]
    np.testing.assert_allclose(labels.advantage, expected, rtol=1e-4, atol=1e-5)
    assert np.abs(by_hand(state, batch)[2] - by_hand(state, batch)[3]).max() > 1e-2


def test_the_slow_heads_follow_at_their_rate():
    labeler, data, state = prepared(target_rate=0.25)
    after, _ = eqx.filter_jit(labeler.update)(state, data, INDEX, chain.nobody, key=jax.random.key(0))
    old, new, online = (
        np.asarray(s.net.members.layers[0].weight) for s in (state.target, after.target, after.online.q)
    )
    np.testing.assert_allclose(new, 0.75 * old + 0.25 * online, rtol=1e-5)
    assert np.abs(online - np.asarray(state.online.q.net.members.layers[0].weight)).max() > 0


def expectile(values, weights, e):
    """The number m that minimises Σ w·|e − 1[x ≤ m]|·(x − m)²."""
    m = np.average(values, weights=weights)
    for _ in range(200):
        w = weights * np.where(values > m, e, 1 - e)
        m = np.average(values, weights=w)
    return m


def test_the_values_are_the_tabular_solution_of_a_chain():
    data = chain.chain()
    labeler = IQL(chain.Table(), expectile=0.8, discount=chain.DISCOUNT, target_rate=0.05, learning_rate=0.01)
    state = chain.learn(labeler, data, chain.nobody, updates=4000)
    shares, value = chain.shares(data), np.zeros(chain.STATES)
    for _ in range(300):
        q = chain.backup(data, value)
        value[:-1] = [expectile(q[s], shares[s], 0.8) for s in range(chain.STATES - 1)]
    np.testing.assert_allclose(chain.q_table(labeler, state), q[:-1], atol=0.03)
    learnt = np.asarray(state.online.v.net.table)[:-1, 0]
    np.testing.assert_allclose(learnt, value[:-1], atol=0.03)
    mean = np.sum(shares * np.nan_to_num(q), axis=1)[:-1]
    assert (value[:-1] - mean).max() > 0.05, "an expectile of 1/2 would be told apart"


def test_goals_are_rewarded_where_they_are_reached_and_mixed_as_asked():
    labeler = IQL(NETWORK, goals=Goals(), current_goals=0.2, random_goals=0.3)
    data = chain.viewed(example_data())
    index = jnp.full((4000,), 7, jnp.int32)
    batch = eqx.filter_jit(labeler.batch)(data, index, key=jax.random.key(0))
    goals = data.data.columns["goals"]
    drawn = np.array([np.flatnonzero((goals == g).all(axis=1))[0] for g in np.asarray(batch.context)])
    rows, last = len(goals), int(data.last[7])
    assert (drawn == 7).mean() == pytest.approx(0.2 + 0.3 / rows, abs=0.03)
    assert ((drawn > 7) & (drawn <= last)).mean() == pytest.approx(0.5 + 0.3 * (last - 7) / rows, abs=0.03)
    np.testing.assert_array_equal(np.asarray(batch.reward), np.where(drawn == 7, 0.0, -1.0))
    np.testing.assert_array_equal(np.asarray(batch.mask), np.where(drawn == 7, 0.0, 1.0))


def test_it_provides_a_goal_exactly_where_it_has_goals():
    assert IQL(NETWORK).provides == {"advantage", "critic"}
    assert IQL(NETWORK, goals=Goals()).provides == {"goal", "advantage", "critic"}


def test_data_without_rewards_are_refused():
    data = example_data()
    columns = {name: column for name, column in data.columns.items() if name not in ("rewards", "masks")}
    bare = chain.viewed(eqx.tree_at(lambda d: d.columns, data, columns, is_leaf=lambda x: isinstance(x, dict)))
    with pytest.raises(DataError, match="no rewards and no masks, which IQL learns from"):
        IQL(NETWORK).init(bare, key=jax.random.key(0))
    eqx.filter_eval_shape(IQL(NETWORK, goals=Goals()).init, bare, key=jax.random.key(0))


def test_the_policy_is_told_the_goal_of_the_labeler_that_gives_it():
    labeler, data, state = prepared(goals=Goals("offset", steps=2))
    label = eqx.filter_jit(labeler.label)(state, data, jnp.int32(1), key=jax.random.key(0))
    np.testing.assert_array_equal(label.context, data.data.columns["goals"][3])
