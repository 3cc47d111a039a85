"""Acting (JIT boundary 2): one compiled call for rows of observations, each with a weight and a noise key of its own.

A whole sweep over the guidance weight is one call, and another weight never compiles anything.
"""

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PRNGKeyArray, PyTree, Shaped

from cfgrl._stage import Agent, AgentState, Stage, StageState
from cfgrl.nn._product import one_row


class Law(NamedTuple):
    """π_w(·|s) of one stage at one observation, before the final clip: how targets are drawn, and how likely they are.

    `log_prob` is in nats; only for a policy that provides `log-prob` and guidance that `steers`.
    """

    draw: Callable[[PRNGKeyArray], Float[Array, " target"]]
    log_prob: Callable[[Float[Array, " target"]], Float[Array, ""]]


def law(
    stage: Stage,
    state: StageState,
    seen: Float[Array, "*observation"],
    context: PyTree[Array] | None,
    weight: Float[Array, ""] | None,
) -> Law:
    """The law of a stage at guidance weight `weight`, its own default if `None`.

    **Arguments:**

    - `seen`, `context`: observation and goal as the view shows them, for one example.
    """
    given = stage.given(state.acting(stage), seen, context, state.labeler)
    dial = stage.guidance.weight if weight is None else weight

    def log_prob(target: Float[Array, " target"]) -> Float[Array, ""]:
        policy: Any = given.policy
        if "field" in policy.provides:
            return policy.field_log_prob(given.net, stage.guidance.field(given, dial), target)
        return policy.log_prob(given.net, seen, stage.guidance.plain(context), target)

    return Law(lambda key: stage.guidance.sample(given, dial, key=key), log_prob)


def act_row(
    agent: Agent,
    state: AgentState,
    observation: Shaped[Array, "*observation"],
    goal: Shaped[Array, "*goal"] | None,
    weight: Float[Array, ""] | None,
    key: PRNGKeyArray,
) -> Float[Array, " action"]:
    """One action, or a flat chunk of them: each stage samples in turn, its sample is the next one's context, the last
    one is clipped to the action box [-1, 1]. `weight=None` takes each stage's own.
    """
    seen = agent.view.observation(state.view, observation)
    context: Any = agent.view.goal(state.view, goal) if goal is not None else None
    for stage, stage_state, k in zip(agent.stages, state.stages, jax.random.split(key, len(agent.stages)), strict=True):
        context = law(stage, stage_state, seen, context, weight).draw(k)
    return jnp.clip(context, -1.0, 1.0)


@eqx.filter_jit
def act_rows(
    agent: Agent,
    state: AgentState,
    observation: Shaped[Array, "rows *observation"],
    goal: Shaped[Array, "rows *goal"] | None,
    weight: Float[Array, " rows"] | None,
    keys: Key[Array, " rows"],
) -> Float[Array, "rows action"]:
    """`act_row` over rows of one agent, compiled once for each number of rows."""
    return _rows(agent, state, observation, goal, weight, keys)


def _rows(agent: Agent, state: AgentState, observation: Any, goal: Any, weight: Any, keys: Any) -> Any:
    axes = (None, None, 0, None if goal is None else 0, None if weight is None else 0, 0)
    return eqx.filter_vmap(act_row, in_axes=axes)(agent, state, observation, goal, weight, keys)


def act_batch(
    agent: Agent,
    state: AgentState,
    single: bool,
    observation: Shaped[Array, "rows *observation"],
    goal: Shaped[Array, "rows *goal"] | None,
    weight: Float[Array, " rows"] | None,
    key: PRNGKeyArray,
) -> Float[Array, "*rows_and_executed action"]:
    """What a user is given: `act_row` over rows whose noise is split from one key, the executed actions of a chunk on
    an axis of their own, and no axis over rows where `single`. To be compiled by `bind`.
    """
    with one_row() if observation.shape[0] == 1 else contextlib.nullcontext():
        action = _rows(agent, state, observation, goal, weight, jax.random.split(key, observation.shape[0]))
    if agent.chunk > 1:
        action = action.reshape(observation.shape[0], agent.chunk, -1)[:, : agent.executed]
    return action[0] if single else action


def act_blocks(
    agent: Agent,
    state: AgentState,
    observation: Shaped[Array, "seeds rows *observation"],
    goal: Shaped[Array, "seeds rows *goal"] | None,
    weight: Float[Array, "seeds rows"] | None,
    key: PRNGKeyArray,
    noise: tuple[Array, ...],
) -> Float[Array, "seeds rows action"]:
    """Equal blocks of rows, one block an agent seed of a stacked state. To be compiled by `bind`.

    A row's noise key is `key` with the integers of `noise` (each of shape `(seeds, rows)`) folded in, on the device:
    making keys on the host would cost more than the sampler.
    """

    def block(state: AgentState, observation: Any, goal: Any, weight: Any, noise: Any) -> Any:
        return _rows(agent, state, observation, goal, weight, row_keys(key, noise))

    each = eqx.if_array(0)
    return eqx.filter_vmap(block, in_axes=(each,) * 5)(state, observation, goal, weight, noise)


def for_acting(agent: Agent, state: AgentState) -> AgentState:
    """The state without what only training reads: fewer arrays to pass at every call."""
    stages = []
    for stage, held in zip(agent.stages, state.stages, strict=True):
        labeler = held.labeler if "critic" in stage.labeler.provides else None
        stages.append(StageState(labeler, held.acting(stage), None, None))
    return AgentState(tuple(stages), state.view, state.step, state.key)


def row_keys(key: PRNGKeyArray, noise: tuple[Array, ...]) -> Key[Array, " rows"]:
    """`key` with one integer of each array of `noise`, shape `(rows,)`, folded in for each row."""

    def one(*integers: Array) -> PRNGKeyArray:
        folded = key
        for integer in integers:
            folded = jax.random.fold_in(folded, integer)
        return folded

    return jax.vmap(one)(*noise)
