"""Checks for guidance, composed with parts that provide everything."""

from typing import Any

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from cfgrl._act import act_row
from cfgrl._data import Data
from cfgrl._errors import ConfigError
from cfgrl._stage import Agent, AgentState, Stage, init
from cfgrl._train import train_chunk
from cfgrl.testing._parts import ACTION, GOAL, OBSERVATION, EveryFact, LinearFlow, all_finite, example_data, same

KEY = jax.random.key(0)


def _composed(guidance: Any) -> tuple[Agent, Data, AgentState]:
    agent, data = Agent(Stage(EveryFact(), LinearFlow(), guidance), batch_size=8), example_data()
    return agent, data, init(agent, data, key=KEY)


def _act(agent: Agent, state: AgentState, weight: Any, key: Any = KEY) -> Any:
    return act_row(agent, state, jnp.full((OBSERVATION,), 0.3), jnp.ones((GOAL,)), weight, key)


def composes_and_trains(guidance: Any) -> None:
    """With parts that provide everything it composes, and an update gives finite scalar metrics and new parameters."""
    agent, data, state = _composed(guidance)
    before = jax.tree.map(np.asarray, eqx.filter(state.stages[0].net, eqx.is_array))
    state, chunk = train_chunk(agent, data, state, 2)
    for name, value in chunk.metrics.items():
        assert jnp.shape(value) == () and bool(jnp.isfinite(value)), f"metric {name} is not a finite scalar"
    after = jax.tree.map(np.asarray, eqx.filter(state.stages[0].net, eqx.is_array))
    assert not same(before, after), "two updates changed no parameter"


def samples_are_pure_targets(guidance: Any) -> None:
    """Acting gives a finite target, the same for the same key, another for another."""
    agent, _, state = _composed(guidance)
    act = eqx.filter_jit(_act)
    first, second = act(agent, state, None), act(agent, state, None)
    assert first.shape == (ACTION,) and all_finite(first), "a guided sample is not a finite target"
    assert same(first, second), "the same key gave two different samples"
    # Several, because what is clipped to a corner of the action box can be alike by chance.
    others = [act(agent, state, None, key) for key in jax.random.split(KEY, 8)]
    assert not all(same(first, other) for other in others), "other keys gave the same sample"


def the_weight_is_traced(guidance: Any) -> None:
    """Where there is a dial, turning it never compiles; where there is none, `weight` is None."""
    if guidance.weight is None:
        return
    assert jnp.shape(guidance.weight) == (), "`weight` must be a scalar; declare it with cfgrl.scalar()"
    agent, _, state = _composed(guidance)
    chex.clear_trace_counter()
    once: Any = chex.assert_max_traces(n=1)
    act = eqx.filter_jit(once(_act))
    for weight in (0.0, 1.0, 2.5):
        assert all_finite(act(agent, state, jnp.float32(weight))), f"a sample at weight {weight} is not finite"


def the_field_fits(guidance: Any) -> None:
    """Where it `steers`, `field` gives predictions in the target's shape; where not, it refuses with a sentence."""
    agent, _, state = _composed(guidance)
    stage = agent.stages[0]
    weight = guidance.weight
    critic = stage.critic(state.stages[0].labeler)
    told = (stage.policy, state.stages[0].net, jnp.full((OBSERVATION,), 0.3), jnp.ones((GOAL,)), critic, weight)
    try:
        field = guidance.field(*told)
    except ConfigError:
        assert not guidance.steers, "`field` refuses, but `steers` says that acting is integrating it"
        return
    assert guidance.steers, "`steers` says that acting is not integrating `field`, which should then refuse"
    prediction = field(jnp.zeros((ACTION,)), jnp.float32(0.5))
    assert prediction.shape == (ACTION,) and all_finite(prediction), "the guided field does not give a finite target"


CHECKS = (composes_and_trains, samples_are_pure_targets, the_weight_is_traced, the_field_fits)
