"""Composition: what fits, what is refused and why; the view on both sides; networks against NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import small_agent, walk

from cfgrl import Agent, ConfigError, Stage, View, init, nn
from cfgrl.acting._policy import Policy
from cfgrl_plugins.guidance.cfg import CFG
from cfgrl_plugins.guidance.unguided import Unguided
from cfgrl_plugins.labelers.behaviour import Behaviour
from cfgrl_plugins.labelers.goals import Goals
from cfgrl_plugins.policies.flow_matching import FlowMatching


def test_guidance_with_nothing_to_null_is_refused_with_the_reason():
    with pytest.raises(ConfigError) as error:
        Stage(Behaviour(), FlowMatching(), CFG())
    for part in ("CFG", "'goal'", "labeler Behaviour provides nothing", "Choose a labeler that provides 'goal'"):
        assert part in str(error.value)


def test_stages_need_names_of_their_own():
    stage = Stage(Goals(), FlowMatching(), Unguided())
    with pytest.raises(ConfigError, match="different names"):
        Agent((stage, stage))


def test_the_view_normalises_what_is_trained_on_and_what_is_acted_on_alike():
    data, agent = walk(), small_agent(normalize=True)
    state = init(agent, data, key=jax.random.key(0))
    seen = agent.view.bind(state.view, data).take(jnp.arange(len(data.last)))
    np.testing.assert_allclose(np.asarray(seen["observations"]).mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.asarray(seen["goals"]).std(axis=0), 1, atol=1e-4)
    raw = data.columns["observations"][5]
    np.testing.assert_allclose(agent.view.observation(state.view, jnp.asarray(raw)), seen["observations"][5], rtol=1e-5)
    plain = Policy(
        Agent(agent.stages, View()), init(Agent(agent.stages, View()), data, key=jax.random.key(0)), data.spec
    )
    normalised = Policy(agent, state, data.spec)
    mean, std = np.asarray(state.view.observations.mean), np.asarray(state.view.observations.std)
    place = np.array([0.3, -0.2])
    np.testing.assert_allclose(
        normalised.act(place * std + mean, goal=place * std + mean, key=jax.random.key(1)),
        plain.act(place, goal=place, key=jax.random.key(1)),
        atol=1e-5,
    )


def test_a_constant_component_is_left_at_zero():
    data = walk()
    columns = {name: np.concatenate([c, np.full((len(c), 1), 7.0, np.float32)], 1) for name, c in data.columns.items()}
    state = View(normalize=True).fit(type(data)(columns, data.last, data.transitions))
    assert state.observations.std[2] == 1.0 and state.observations.mean[2] == 7.0


@pytest.mark.parametrize("layer_norm", ["none", "before", "after"])
def test_the_mlp_against_numpy(layer_norm: str):
    net = nn.MLP(hidden=(6, 5), activation="tanh", layer_norm=layer_norm).init(3, 2, key=jax.random.key(0))
    x = value = np.array([0.2, -1.0, 0.5])

    def normalised(z):
        return (z - z.mean()) / np.sqrt(z.var() + 1e-5)

    for layer in net.layers[:-1]:
        z = np.asarray(layer.weight) @ value + np.asarray(layer.bias)
        z = normalised(z) if layer_norm == "before" else z
        value = np.tanh(z)
        value = normalised(value) if layer_norm == "after" else value
    expected = np.asarray(net.layers[-1].weight) @ value
    np.testing.assert_allclose(net(jnp.asarray(x, jnp.float32)), expected, rtol=1e-4, atol=1e-6)


def test_layers_start_as_the_papers_code_does():
    layer = nn.Linear(300, 200, key=jax.random.key(0))
    limit = np.sqrt(6 / (300 + 200))
    weights = np.asarray(layer.weight)
    assert np.abs(weights).max() <= limit and weights.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
    assert not np.asarray(layer.bias).any()


def test_rows_episodes_and_transitions():
    data = walk(episodes=3, length=4)
    assert data.n_episodes == 3 and data.n_transitions == 9
    assert data.last.tolist() == [3] * 4 + [7] * 4 + [11] * 4
    assert data.transitions.tolist() == [0, 1, 2, 4, 5, 6, 8, 9, 10]
    drawn = np.asarray(data.draw(2000, key=jax.random.key(0)))
    assert set(drawn) == set(data.transitions.tolist())
