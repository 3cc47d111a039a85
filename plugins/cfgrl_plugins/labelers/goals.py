"""Goals: every transition demonstrates how to reach the states that its episode visited later."""

from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, PRNGKeyArray

from cfgrl import Actor, Label, Labeler, Metrics, ViewedData


class Goals(Labeler):
    """Hindsight goals: the context is the goal representation of a later row of the same episode.

    For the transition at row i of an episode whose final observation is row e:

    - `uniform`: j is uniform over {i+1, …, e}, as the paper says;
    - `rounded`: j = round(u·(i+1) + (1−u)·(e−1)), u uniform, as OGBench's and CFGRL's code does: both ends have half
      weight, the final observation is never a goal, and the last transition's goal is its own row.

    **Arguments:**

    - `sampling`: one of the two.

    Source: CFGRL (arXiv 2505.23458), section on goal-conditioned behaviour cloning; OGBench (arXiv 2410.20092).
    """

    sampling: Literal["uniform", "rounded"] = "uniform"

    provides = frozenset({"goal"})

    def init(self, data: ViewedData, *, key: PRNGKeyArray) -> None:
        del data, key

    def update(
        self, state: None, data: ViewedData, index: Int[Array, " batch"], actor: Actor, *, key: PRNGKeyArray
    ) -> tuple[None, Metrics]:
        del data, index, actor, key
        return state, {}

    def label(self, state: None, data: ViewedData, index: Int[Array, ""], *, key: PRNGKeyArray) -> Label:
        del state
        goal = self.goal_row(index, data.last[index], key=key)
        return Label(target=data.take(index)["actions"], context=data.take(goal)["goals"])

    def goal_row(self, index: Int[Array, ""], end: Int[Array, ""], *, key: PRNGKeyArray) -> Int[Array, ""]:
        """The row whose representation is the goal of row `index`, in an episode whose final row is `end`."""
        if self.sampling == "uniform":
            return jax.random.randint(key, (), index + 1, end + 1)
        # Integers plus a float in [0, span]: row numbers beyond 2^24 would not survive float32.
        span = jnp.maximum(end - 1 - (index + 1), 0)
        first = jnp.minimum(index + 1, end - 1)
        return first + jnp.round(jax.random.uniform(key) * span.astype(jnp.float32)).astype(first.dtype)
