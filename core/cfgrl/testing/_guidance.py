"""Checks for guidance, composed with parts that provide everything, and with parts that provide what it asks for."""

from typing import Any

import chex
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from cfgrl._act import act_row
from cfgrl._errors import ConfigError
from cfgrl._guidance import Given
from cfgrl._label import Label
from cfgrl._stage import Agent, AgentState, Stage, init
from cfgrl._train import train_chunk
from cfgrl._types import copied
from cfgrl.catalogue._fields import class_fields
from cfgrl.data._data import Data
from cfgrl.testing._check import rule
from cfgrl.testing._companions import barely, whole
from cfgrl.testing._composition import abstractly
from cfgrl.testing._configuration import accepts
from cfgrl.testing._memo import once
from cfgrl.testing._parts import ACTION, GOAL, OBSERVATION, all_finite, example_data, same
from cfgrl.testing._quoted import quoted

KEY = jax.random.key(0)


def _composed(guidance: Any) -> tuple[Agent, Data, AgentState]:
    def make() -> tuple[Agent, Data, AgentState]:
        agent, data = Agent(Stage(*whole(guidance), guidance), batch_size=8), example_data()
        return agent, data, init(agent, data, key=KEY)

    return once(guidance, "composed", make)


def _act(agent: Agent, state: AgentState, weight: Any, key: Any = KEY) -> Any:
    return act_row(agent, state, jnp.full((OBSERVATION,), 0.3), jnp.ones((GOAL,)), weight, key)


def _acting(guidance: Any) -> Any:
    """The function from `(weight, keys)` to actions, compiled."""
    agent, _, state = _composed(guidance)
    act = lambda weight, keys: jax.vmap(lambda key: _act(agent, state, weight, key))(keys)  # noqa: E731
    return once(guidance, "act", lambda: eqx.filter_jit(act))


def given_to(guidance: Any, rows: tuple[int, ...] = ()) -> Given:
    """What `field` and `sample` work with; with `rows` a batch, for `loss`."""
    agent, _, state = _composed(guidance)
    held = state.stages[0]
    observation, goal = jnp.full((*rows, OBSERVATION), 0.3), jnp.ones((*rows, GOAL))
    return agent.stages[0].given(held.net, observation, goal, held.labeler)


def _has_dial(guidance: Any) -> bool:
    return guidance.weight is not None


def _weights(guidance: Any) -> list[float]:
    """Weights that the field `weight` accepts."""
    field = class_fields(type(guidance)).get("weight")
    return [w for w in (0.0, 0.5, 1.0, 2.5) if field is None or accepts(field, w)]


@rule()
def composes_and_trains(guidance: Any) -> None:
    """With parts that provide everything it composes, and updates give finite metrics and new, finite parameters."""
    agent, data, state = _composed(guidance)
    state = copied(state)  # An update consumes what it is given.
    before = jax.tree.map(np.asarray, eqx.filter(state.stages[0].net, eqx.is_array))
    state, chunk = train_chunk(agent, data, state, 2)
    for name, value in chunk.metrics.items():
        assert bool(jnp.all(jnp.isfinite(value))), f"metric {name} is not finite"
    after = jax.tree.map(np.asarray, eqx.filter(state.stages[0].net, eqx.is_array))
    assert all_finite(state.stages[0].net), "after two updates a parameter is not finite"
    assert not same(before, after), "two updates changed no parameter"


@rule()
def works_with_what_it_needs(guidance: Any) -> None:
    """Parts that provide what `needs` says, and nothing else, are enough to train and to act."""
    labeler, policy = barely(guidance)
    try:
        abstractly(Stage(labeler, policy, guidance))
    except Exception as error:
        needs = ", ".join(sorted(guidance.needs)) or "nothing"
        raise AssertionError(
            f"it says that it needs {needs}, but with that alone it fails: {quoted(error, guidance)}"
        ) from error


@rule()
def training_and_acting_see_one_structure(guidance: Any) -> None:
    """What the network is told in training (`condition`) and by `plain` differ in values only, never in structure."""
    label = Label(jnp.zeros((ACTION,)), jnp.ones((GOAL,)), jnp.float32(0.1))
    shapes = [eqx.filter_eval_shape(f, x) for f, x in ((guidance.condition, label), (guidance.plain, label.context))]
    trained, plain = (jax.tree.map(lambda leaf: leaf.shape, condition) for condition in shapes)
    assert trained == plain, f"in training the network is told {trained}, unguided {plain}"


@rule()
def samples_are_pure_targets(guidance: Any) -> None:
    """Acting gives a finite target, the same for the same key, another for another."""
    # Several keys, because what is clipped to a corner of the action box can be alike by chance.
    act, keys = _acting(guidance), jax.random.split(KEY, 8)
    first, second = act(guidance.weight, keys), act(guidance.weight, keys)
    assert first.shape == (8, ACTION) and all_finite(first), "a guided sample is not a finite target"
    assert same(first, second), "the same key gave two different samples"
    by_mode = "mode" in guidance.needs  # Acting may then depend on no key.
    assert by_mode or bool(jnp.any(first[1:] != first[:-1])), "other keys gave the same sample"


@rule(_has_dial)
def the_weight_is_traced(guidance: Any) -> None:
    """Turning the dial never compiles."""
    assert jnp.shape(guidance.weight) == (), "`weight` must be a scalar; declare it with cfgrl.scalar()"
    agent, _, state = _composed(guidance)
    chex.clear_trace_counter()
    once: Any = chex.assert_max_traces(n=1)
    act = eqx.filter_jit(once(_act))
    for weight in _weights(guidance):
        assert all_finite(act(agent, state, jnp.float32(weight))), f"a sample at weight {weight} is not finite"


@rule(_has_dial)
def the_dial_turns(guidance: Any) -> None:
    """Another weight gives another action, and `ends` says what w = 0 and w = 1 are."""
    act, keys = _acting(guidance), jax.random.split(KEY, 8)
    low, high = min(_weights(guidance)), max(_weights(guidance))
    alike = same(act(jnp.float32(low), keys), act(jnp.float32(high), keys))
    assert not alike, f"w = {low:g} and w = {high:g} act alike: no dial"
    said = guidance.ends
    fine = isinstance(said, tuple) and len(said) == 2 and all(isinstance(end, str) for end in said)
    assert fine, f"`ends` says in two strings what w = 0 and w = 1 are, not {said!r}"


@rule()
def the_field_fits(guidance: Any) -> None:
    """Where it `steers`, `field` gives predictions in the target's shape; where not, it refuses with a sentence."""
    try:
        field = guidance.field(given_to(guidance), guidance.weight)
    except ConfigError:
        assert not guidance.steers, "`field` refuses, but `steers` says that acting is integrating it"
        return
    assert guidance.steers, "`steers` says that acting is not integrating `field`, which should then refuse"
    prediction = field(jnp.zeros((ACTION,)), jnp.float32(0.5))
    shape = jnp.shape(prediction)
    assert shape == (ACTION,), f"for a target of shape {(ACTION,)} the guided field gives shape {shape}"
    assert all_finite(prediction), "the guided field is not finite"


@rule(lambda guidance: guidance.steers)
def acting_is_integrating_its_field(guidance: Any) -> None:
    """Where it `steers`, a sample is the end of its own field: densities and guidance around it rely on that."""
    given, weight = given_to(guidance), guidance.weight
    integrate = eqx.filter_jit(lambda: given.policy.integrate(given.net, guidance.field(given, weight), key=KEY))
    sample = eqx.filter_jit(lambda: guidance.sample(given, weight, key=KEY))
    alike = bool(jnp.allclose(integrate(), sample(), atol=1e-4))
    assert alike, "`steers` says that acting is integrating `field`, but `sample` is something else"


CHECKS = (
    composes_and_trains,
    works_with_what_it_needs,
    training_and_acting_see_one_structure,
    samples_are_pure_targets,
    the_weight_is_traced,
    the_dial_turns,
    the_field_fits,
    acting_is_integrating_its_field,
)
