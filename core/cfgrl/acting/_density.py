"""The density of actions under a trained agent, as it samples them: what `Policy.log_prob` answers."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PRNGKeyArray, Shaped

from cfgrl._act import law
from cfgrl._capability import explain
from cfgrl._errors import ConfigError, NumericError
from cfgrl._stage import Agent, AgentState

#: Rows computed side by side: each has draws of its own, which are what fills the memory.
_SIDE_BY_SIDE = 32
_NAMED = 10


class Density(NamedTuple):
    """What `Policy.log_prob` answers.

    `log_prob` is in nats, of the action before the final clip to [-1, 1]; `clipped` is the share of the sampler's mass
    that lies outside that box, which the clip moves to its border. Shapes are `()`, or `(rows,)` for a batch.
    """

    log_prob: Float[Array, "*rows"]
    clipped: Float[Array, "*rows"]


def check_has_density(agent: Agent) -> None:
    """Raise `ConfigError` with the reason where no density can be given."""
    names = [stage.name for stage in agent.stages]
    if len(names) > 1:
        raise ConfigError(
            f"log_prob is given for agents of one stage; this one has {len(names)} ({', '.join(names)}), and what the "
            "last does depends on what the others drew, over which a density would have to be integrated."
        )
    stage = agent.stages[0]
    policy, guidance = type(stage.policy).__name__, type(stage.guidance).__name__
    if not stage.guidance.steers:
        raise ConfigError(
            f"log_prob: guidance {guidance} picks among samples or takes a mode, and the density of what it picks is "
            "not known."
        )
    if "log-prob" not in stage.policy.provides:
        who = {"policy": (policy, stage.policy.provides)}
        raise ConfigError(f"log_prob cannot be given: {explain('log-prob', who)}.")


def density(
    agent: Agent,
    state: AgentState,
    observation: Shaped[Array, "rows *observation"],
    goal: Shaped[Array, "rows *goal"] | None,
    weight: Float[Array, " rows"] | None,
    action: Float[Array, "rows action"],
    *,
    key: PRNGKeyArray,
    samples: int,
) -> Density:
    """`Density` over rows. Raises `NumericError` naming the rows where the sampler's map cannot be inverted."""
    keys = jax.random.split(key, observation.shape[0])
    log_prob, clipped = _density(agent, state, (observation, goal, weight, action, keys), samples)
    bad = np.flatnonzero(~np.isfinite(log_prob)).tolist()
    if bad:
        named = ", ".join(map(str, bad[:_NAMED])) + (f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else "")
        raise NumericError(
            f"log_prob: no density in row {named}: the map from noise to actions cannot be inverted there, or folds, "
            "so that an action is reached from more than one noise. Lower the guidance weight or use more steps."
        )
    return Density(log_prob, clipped)


@eqx.filter_jit
def _density(agent: Agent, state: AgentState, rows: tuple[Any, ...], samples: int) -> tuple[Array, Array]:
    def one(row: tuple[Any, ...]) -> tuple[Array, Array]:
        return _row(agent, state, *row, samples=samples)

    return jax.lax.map(one, rows, batch_size=min(_SIDE_BY_SIDE, rows[0].shape[0]))


def _row(
    agent: Agent,
    state: AgentState,
    observation: Shaped[Array, "*observation"],
    goal: Shaped[Array, "*goal"] | None,
    weight: Float[Array, ""] | None,
    action: Float[Array, " action"],
    key: Key[Array, ""],
    *,
    samples: int,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Log density of one action, and the share of `samples` draws that fall outside the box."""
    seen = agent.view.observation(state.view, observation)
    context = None if goal is None else agent.view.goal(state.view, goal)
    there = law(agent.stages[0], state.stages[0], seen, context, weight)
    draws = jax.vmap(there.draw)(jax.random.split(key, samples))
    outside = jnp.any(jnp.abs(draws) > 1.0, axis=1)
    return there.log_prob(action), jnp.mean(outside.astype(jnp.float32))
