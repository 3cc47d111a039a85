"""Win rate: an action is optimal if it beats another action of the batch."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import Event


class WinRate(Event):
    """f(A) is the share of the batch's other advantages that A exceeds, ties counted half; o is drawn with it.

    If A orders the actions of a state, π̂·f^w is the law of the best of w + 1 draws from π̂.
    """

    provides = frozenset({"marks", "factor"})

    @property
    def wanted(self) -> Float[Array, " c"]:
        """Won."""
        return jnp.array([0.0, 1.0])

    def marks(self, label: Any, *, key: PRNGKeyArray) -> Float[Array, "batch c"]:
        """Lost or won, drawn for each example."""
        won = jax.random.bernoulli(key, self.factor(label, key=key))
        return jax.nn.one_hot(won.astype(jnp.int32), 2)

    def factor(self, label: Any, *, key: PRNGKeyArray) -> Float[Array, " batch"]:
        """The win rate of each example."""
        del key
        ordered = jnp.sort(label.advantage)
        below = jnp.searchsorted(ordered, label.advantage, side="left")
        tied = jnp.searchsorted(ordered, label.advantage, side="right") - below - 1  # without itself
        wins = below.astype(jnp.float32) + 0.5 * tied.astype(jnp.float32)
        return wins / max(ordered.shape[0] - 1, 1)
