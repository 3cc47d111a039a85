"""`bound`: acts as before, is compiled once for all that look alike, and keeps nobody's array."""

import pickle

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from toys import small_agent, walk

from cfgrl import init
from cfgrl._act import act_rows, for_acting
from cfgrl.acting._bind import bind
from cfgrl.acting._policy import Policy


class Line(eqx.Module):
    slope: jax.Array
    name: str = "line"
    offset: np.ndarray | None = None


def test_arrays_are_arguments_and_the_rest_is_part_of_the_program():
    @chex.assert_max_traces(n=2)
    def along(line, count, x):
        offset = 0.0 if line.offset is None else jnp.asarray(line.offset)
        return line.slope * x * count + offset

    x = np.float32(2.0)
    assert float(bind(along, Line(jnp.float32(3.0)), 2)(x)) == 12.0
    assert float(bind(along, Line(jnp.float32(4.0)), 2)(x)) == 16.0, "the slope is not part of the program"
    assert float(bind(along, Line(jnp.float32(4.0), offset=np.float32(1.0)), 2)(x)) == 17.0


def test_a_policy_acts_as_the_core_does():
    agent = small_agent()
    state = init(agent, walk(), key=jax.random.key(0))
    policy, key = Policy(agent, state, walk().spec), jax.random.key(1)
    rng = np.random.default_rng(0)
    observation, goal = rng.normal(size=(2, 4, 2)).astype(np.float32)
    expected = act_rows(agent, state, observation, goal, jnp.full(4, 1.5), jax.random.split(key, 4))
    np.testing.assert_allclose(policy.act(observation, goal=goal, weight=1.5, key=key), expected, atol=1e-6)
    alone = act_rows(agent, state, observation[:1], goal[:1], jnp.full(1, 1.5), jax.random.split(key, 1))[0]
    np.testing.assert_allclose(policy.act(observation[0], goal=goal[0], weight=1.5, key=key), alone, atol=1e-6)


def test_a_policy_is_a_pytree_and_a_changed_copy_acts_by_its_own_arrays():
    agent = small_agent()
    policy = Policy(agent, init(agent, walk(), key=jax.random.key(0)), walk().spec)
    key, seen = jax.random.key(1), {"goal": np.ones(2), "weight": 1.0}
    before = policy.act(np.zeros(2), **seen, key=key)
    zeroed = jax.tree.map(lambda leaf: leaf * 0 if eqx.is_inexact_array(leaf) else leaf, policy)
    assert not np.allclose(zeroed.act(np.zeros(2), **seen, key=key), before)
    np.testing.assert_array_equal(policy.act(np.zeros(2), **seen, key=key), before)


def test_what_the_caller_writes_into_an_array_afterwards_changes_nothing():
    agent = small_agent()
    policy, key = Policy(agent, init(agent, walk(), key=jax.random.key(0)), walk().spec), jax.random.key(1)
    observation, goal, weight = np.ones((512, 2), np.float32), np.ones((512, 2), np.float32), np.ones(512, np.float32)
    expected = np.array(policy.act(observation, goal=goal, weight=weight, key=key))
    for _ in range(20):
        action = policy.act(observation, goal=goal, weight=weight, key=key)
        for array in (observation, goal, weight):
            array[:] = -5.0
        np.testing.assert_array_equal(action, expected)
        for array in (observation, goal, weight):
            array[:] = 1.0


def test_acting_carries_nothing_that_only_training_reads():
    agent = small_agent()
    state = init(agent, walk(), key=jax.random.key(0))
    acting = for_acting(agent, state).stages[0]
    assert acting.optimizer is None and acting.labeler is None
    assert jax.tree.leaves(acting.net) == jax.tree.leaves(state.stages[0].acting(agent.stages[0]))


def test_a_weight_may_be_mapped_and_differentiated():
    agent = small_agent()
    policy, key = Policy(agent, init(agent, walk(), key=jax.random.key(0)), walk().spec), jax.random.key(1)

    def act(weight):
        return policy.act(np.zeros(2), goal=np.ones(2), weight=weight, key=key)

    weights = jnp.asarray([0.0, 1.0, 2.5])
    np.testing.assert_allclose(jax.vmap(act)(weights), jnp.stack([act(w) for w in weights]), atol=1e-6)
    slope = jax.grad(lambda w: act(w)[0])(1.0)
    np.testing.assert_allclose(slope, (act(1.01)[0] - act(0.99)[0]) / 0.02, atol=1e-3)


def test_a_policy_that_has_acted_can_be_handed_to_another_process():
    agent = small_agent()
    policy, key = Policy(agent, init(agent, walk(), key=jax.random.key(0)), walk().spec), jax.random.key(1)
    expected = policy.act(np.zeros(2), goal=np.ones(2), key=key)
    again = pickle.loads(pickle.dumps(policy))
    np.testing.assert_array_equal(again.act(np.zeros(2), goal=np.ones(2), key=key), expected)
