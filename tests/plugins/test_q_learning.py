"""Q-learning: its targets against NumPy, its values against tabular solutions of a chain."""

import chain
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from references import heads

from cfgrl import nn
from cfgrl.testing._parts import example_data
from cfgrl_plugins.labelers.q_learning import QLearning

INDEX = jnp.array([0, 3, 8, 12, 20], jnp.int32)
NETWORK = nn.MLP(hidden=(12, 12), activation="mish")


def told(observation, context, key):
    """An actor that goes either way with equal probability, and sometimes out of the box."""
    del observation, context
    return jnp.where(jax.random.bernoulli(key), 1.0, -1.0) * jnp.array([chain.STEP, 3.0])[:1]


@pytest.mark.parametrize(("backup", "n"), [("min", 0), ("mean", 0), ("min", 3)])
def test_the_loss_is_that_computed_by_hand(backup: str, n: int):
    labeler = QLearning(NETWORK, backup=backup, max_q_backup=n, discount=0.95, target_rate=1.0)
    data = chain.viewed(example_data())
    state = eqx.filter_jit(labeler.init)(data, key=jax.random.key(3))

    def actor(observation, context, key):
        assert context is None
        return 1.5 * jnp.tanh(observation[:2] + jax.random.normal(key, (2,)))

    _, metrics = eqx.filter_jit(labeler.update)(state, data, INDEX, actor, key=jax.random.key(7))
    rows = {name: np.asarray(column) for name, column in data.take(INDEX).items()}
    following = data.data.columns["observations"][np.asarray(INDEX) + 1]
    values = []
    for s, key in zip(following, jax.random.split(jax.random.key(7), len(INDEX)), strict=True):
        actions = [np.clip(actor(jnp.asarray(s), None, k), -1, 1) for k in jax.random.split(key, max(1, n))]
        q = heads(state.target.net, np.array([np.concatenate([s, a]) for a in actions])).max(axis=0)
        values.append({"min": q.min, "mean": q.mean}[backup]())
    target = rows["rewards"] + 0.95 * rows["masks"] * np.array(values)
    q = heads(state.online.net, np.concatenate([rows["observations"], rows["actions"]], axis=1))
    assert float(metrics["critic_loss"]) == pytest.approx(((q - target[:, None]) ** 2).mean(), rel=1e-4)


def learn(**fields):
    labeler = QLearning(chain.Table(), discount=chain.DISCOUNT, target_rate=0.05, learning_rate=0.01, **fields)
    return labeler, chain.learn(labeler, chain.chain(), told, updates=3000)


def test_the_values_of_a_fixed_policy_are_the_tabular_ones():
    labeler, state = learn(backup="mean")
    data, value = chain.chain(), np.zeros(chain.STATES)
    for _ in range(300):
        q = chain.backup(data, value)
        value[:-1] = q[:-1].mean(axis=1)
    np.testing.assert_allclose(chain.q_table(labeler, state), q[:-1], atol=0.03)


def test_many_backups_give_the_best_policys_values():
    labeler, state = learn(max_q_backup=10)
    data, value = chain.chain(), np.zeros(chain.STATES)
    for _ in range(300):
        q = chain.backup(data, value)
        value[:-1] = q[:-1].max(axis=1)
    np.testing.assert_allclose(chain.q_table(labeler, state), q[:-1], atol=0.04)
    assert (q[:-1, 1] > q[:-1, 0]).all()
