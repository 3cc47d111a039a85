"""Acting: one compiled call for rows, weights that never compile, a controller whose noise belongs to episodes."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import small_agent, walk

from cfgrl import Agent, ConfigError, Stage, _act, init, nn
from cfgrl.acting._controller import Controller
from cfgrl.acting._policy import Policy
from cfgrl_plugins.guidance.unguided import Unguided
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.policies.flow_matching import FlowMatching


@pytest.fixture(scope="module")
def policy() -> Policy:
    agent = small_agent()
    return Policy(agent, init(agent, walk(), key=jax.random.key(0)), walk().spec)


def test_changing_the_weight_compiles_nothing(policy: Policy, monkeypatch: pytest.MonkeyPatch):
    chex.clear_trace_counter()
    monkeypatch.setattr(_act, "act_row", chex.assert_max_traces(_act.act_row, n=1))
    observation, goal, key = np.zeros((5, 2)), np.ones((5, 2)), jax.random.key(1)
    actions = [
        policy.act(observation, goal=goal, weight=w, key=key) for w in (0.0, 1.0, 3, np.float64(7.5), jnp.ones(5))
    ]
    assert not np.allclose(actions[0], actions[2]), "the weight changes the action"
    np.testing.assert_array_equal(actions[1], actions[4])


def test_the_presets_weight_is_used_where_none_is_given(policy: Policy):
    observation, goal, key = np.zeros(2), np.ones(2), jax.random.key(1)
    own = policy.agent.stages[0].guidance.weight
    np.testing.assert_array_equal(
        policy.act(observation, goal=goal, key=key), policy.act(observation, goal=goal, weight=own, key=key)
    )


def test_weight_zero_ignores_the_goal_and_weight_one_is_the_conditioned_policy(policy: Policy):
    observation, key = np.zeros(2), jax.random.key(1)
    near, far = (policy.act(observation, goal=np.full(2, g), weight=0.0, key=key) for g in (0.1, 5.0))
    np.testing.assert_array_equal(near, far)
    plain = Agent(Stage(policy.agent.stages[0].labeler, policy.agent.stages[0].policy, Unguided()))
    imitating = Policy(plain, policy.state, policy.spec)
    goal = np.ones(2)
    np.testing.assert_allclose(
        policy.act(observation, goal=goal, weight=1.0, key=key),
        imitating.act(observation, goal=goal, key=key),
        atol=1e-6,
    )


def test_one_observation_or_a_batch(policy: Policy):
    key = jax.random.key(1)
    assert policy.act(np.zeros(2), goal=np.ones(2), key=key).shape == (2,)
    batch = policy.act(np.zeros((4, 2)), goal=np.ones(2), key=key)
    assert batch.shape == (4, 2)
    assert len({tuple(row) for row in np.asarray(batch).tolist()}) == 4, "each row has noise of its own"
    assert np.abs(batch).max() <= 1.0


def test_a_weight_a_row(policy: Policy):
    key = jax.random.key(1)
    mixed = policy.act(np.zeros((2, 2)), goal=np.ones(2), weight=[0.0, 3.0], key=key)
    for row, weight in enumerate((0.0, 3.0)):
        same = policy.act(np.zeros((2, 2)), goal=np.ones(2), weight=weight, key=key)
        np.testing.assert_allclose(mixed[row], same[row], atol=1e-6)


def test_what_cannot_be_used_is_refused(policy: Policy):
    with pytest.raises(ConfigError, match="goal-conditioned"):
        policy.act(np.zeros(2), key=jax.random.key(0))
    agent = Agent(Stage(Behaviour(), FlowMatching(nn.MLP(hidden=(8,))), Unguided()))
    plain = Policy(agent, init(agent, walk(), key=jax.random.key(0)), walk().spec)
    assert plain.act(np.zeros(2), key=jax.random.key(0)).shape == (2,)
    with pytest.raises(ConfigError, match="without goals"):
        plain.act(np.zeros(2), goal=np.zeros(2), key=jax.random.key(0))
    with pytest.raises(ConfigError, match="no guidance weight"):
        plain.act(np.zeros(2), weight=2.0, key=jax.random.key(0))
    for wrong in ({"observation": np.zeros(3), "goal": np.zeros(2)}, {"observation": np.zeros(2), "goal": np.zeros(3)}):
        with pytest.raises(ConfigError, match="shape"):
            policy.act(**wrong, key=jax.random.key(0))
    for wrong in ({"goal": np.zeros((2, 2))}, {"goal": np.zeros(2), "weight": [1.0, 2.0]}):
        with pytest.raises(ConfigError, match="3 observations"):
            policy.act(np.zeros((3, 2)), **wrong, key=jax.random.key(0))


def test_a_rows_noise_belongs_to_its_episode_and_step(policy: Policy):
    goal = np.ones((3, 2))
    wide, narrow = policy.controller(3), policy.controller(1)
    wide.reset(episodes=[5, 6, 7])
    narrow.reset(episodes=[6])
    for _ in range(2):
        together = wide.act(np.zeros((3, 2)), goal=goal, weight=2.0)
        alone = narrow.act(np.zeros((1, 2)), goal=goal[:1], weight=2.0)
        np.testing.assert_allclose(together[1], alone[0], atol=1e-6)
    wide.reset([1], episodes=[6])
    again = wide.act(np.zeros((3, 2)), goal=goal, weight=2.0)
    assert not np.allclose(again[1], together[1])


def test_a_controller_resets_to_new_noise(policy: Policy):
    controller = policy.controller(rows=2)
    seen = set()
    for _ in range(3):
        controller.reset()
        seen |= {tuple(row) for row in controller.act(np.zeros((2, 2)), goal=np.ones((2, 2))).tolist()}
    assert len(seen) == 6


def test_rows_must_fit_the_seeds():
    agent = small_agent()
    state = init(agent, walk(), key=jax.random.split(jax.random.key(0), 2))
    with pytest.raises(ConfigError, match="multiple of 2"):
        Controller(agent, state, 3, key=jax.random.key(0))
