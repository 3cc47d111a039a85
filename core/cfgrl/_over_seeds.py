"""One function for each of the agent seeds that a state stacks."""

from typing import Any

import equinox as eqx
import jax

from cfgrl._stage import AgentState


def over_seeds(function: Any, state: AgentState) -> Any:
    """`function(agent, data, state, ...)` for each of the seeds that `state` stacks, the data shared.

    One after another on a processor, side by side elsewhere. Batched products of small matrices are no faster there
    than single ones and slower where they are large, and so a seed gives the bits that it gives alone.
    """
    if state.n_seeds is None:
        return function
    each = _in_turn if jax.default_backend() == "cpu" else _side_by_side
    return lambda agent, data, state, *rest: each(lambda one: function(agent, data, one, *rest), state)


def _side_by_side(function: Any, state: AgentState) -> Any:
    return eqx.filter_vmap(function, in_axes=(eqx.if_array(0),))(state)


def _in_turn(function: Any, state: AgentState) -> Any:
    arrays, static = eqx.partition(state, eqx.is_array)
    rest: list[Any] = []  # what is no array in the answers, alike for all of them

    def one(arrays: Any) -> Any:
        answer, other = eqx.partition(function(eqx.combine(arrays, static)), eqx.is_array)
        rest.append(other)
        return answer

    return eqx.combine(jax.lax.map(one, arrays), rest[0])
