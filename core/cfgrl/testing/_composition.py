"""Checks that a part works with every built-in one that its capabilities allow."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from cfgrl._act import act_row
from cfgrl._network import Network
from cfgrl._stage import Agent, Stage, init
from cfgrl._update import update
from cfgrl.testing._check import rule
from cfgrl.testing._companions import built_in, combinations
from cfgrl.testing._parts import OBSERVATION, example_data
from cfgrl.testing._quoted import quoted

KEY = jax.random.key(0)


def abstractly(stage: Stage) -> None:
    """One update and one action of an agent, by their shapes alone: nothing is compiled. Raises what they raise."""
    agent, data = Agent(stage, batch_size=4), example_data()
    goal = jnp.zeros(data.columns["goals"].shape[1]) if agent.takes_goal else None

    def once(data: Any, key: Any) -> Any:
        state, metrics = update(agent, data, init(agent, data, key=key))
        return metrics, act_row(agent, state, jnp.zeros((OBSERVATION,)), goal, None, key)

    metrics, action = eqx.filter_eval_shape(once, data, KEY)
    assert action.ndim == 1, f"an action has shape {action.shape}"
    wrong = [name for name, value in metrics.items() if value.shape != ()]
    assert not wrong, f"metrics that are not scalars: {', '.join(wrong)}"


@rule()
def composes_with_the_built_in_parts(component: Any) -> None:
    """With each built-in part that its capabilities allow an agent is made, updates and acts."""
    met = 0
    for names, stage in combinations(component):
        try:
            abstractly(stage)
        except Exception as error:
            raise AssertionError(f"with {names} it fails: {quoted(error, component)}") from error
        met += 1
    assert met or _asks_for_its_own(component), "no built-in parts can be combined with it"


@rule()
def serves_the_built_in_parts(network: Any) -> None:
    """Every built-in policy and labeler that holds a network works with this one."""
    for family, other in (("policies", "unguided"), ("labelers", "unguided")):
        for name, part in built_in(family).items():
            if not any(isinstance(getattr(part, f.name), Network) for f in dataclasses.fields(part)):
                continue
            part = dataclasses.replace(part, network=network)
            policy = part if family == "policies" else built_in("policies")["gaussian"]
            labeler = part if family == "labelers" else built_in("labelers")["goals"]
            try:
                abstractly(Stage(labeler, policy, built_in("guidance")[other]))
            except Exception as error:
                raise AssertionError(f"as the network of {name} it fails: {quoted(error, network)}") from error


def _asks_for_its_own(component: Any) -> bool:
    """Whether it needs a capability that a plugin made up, so that only the plugin's own parts can go with it."""
    known = {
        name for family in ("labelers", "policies") for part in built_in(family).values() for name in part.provides
    }
    return bool(getattr(component, "needs", frozenset()) - known)


CHECKS = (composes_with_the_built_in_parts,)
NETWORK_CHECKS = (serves_the_built_in_parts,)
