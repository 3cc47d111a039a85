"""Subgoals: every state demonstrates which place to make for next on the way to a goal."""

from typing import Annotated

import jax.numpy as jnp
from annotated_types import Ge
from jaxtyping import Array, Int, PRNGKeyArray

from cfgrl import Label, ViewedData

from . import _goal_rows
from ._stateless import Stateless


class Subgoals(Stateless):
    """The high policy's labels in a hierarchy: the target is a representation k transitions ahead, not an action.

    With g uniform over the later rows of row i's episode, the context is φ(s_g), the goal representation of row g, and
    the target φ(s_min(i+k, g)). The low policy has such a target as its context: `Goals("offset", steps=k)`.

    **Arguments:**

    - `steps`: k, in transitions (HIQL and CFGRL: 25 in mazes, 100 in humanoid mazes, 10 in manipulation).

    Source: CFGRL (arXiv 2505.23458), hierarchical variant; HIQL (arXiv 2307.11949).
    """

    steps: Annotated[int, Ge(1)] = 25

    provides = frozenset({"goal"})

    def label(self, state: None, data: ViewedData, index: Int[Array, ""], *, key: PRNGKeyArray) -> Label:
        del state
        goal = _goal_rows.uniform(index, data.last[index], key=key)
        ahead = _goal_rows.offset(index, goal, self.steps)
        return Label(target=jnp.ravel(data.take(ahead)["goals"]), context=data.take(goal)["goals"])
