"""`Label`, the facts about one transition, and `Condition`, what a network is told of them."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree


class Label(eqx.Module):
    """What one transition demonstrates. Labelers state facts; guidance decides what to do about them.

    **Arguments:**

    - `target`: what to imitate, shape `(target,)`: an action, a chunk of actions, a subgoal.
    - `context`: what the policy is told: nothing (`None`), a goal, a subgoal.
    - `advantage`: A(s, a), shape `()`; `None` unless the labeler provides `advantage`.
    """

    target: Float[Array, " target"]
    context: PyTree[Array] | None = None
    advantage: Float[Array, ""] | None = None


class Condition(eqx.Module):
    """What the network sees beside the observation. Each part has a learned null and is nulled on its own.

    Nulling changes the traced flags and never the structure, so that the conditioned and the unconditional
    prediction are one network call on a doubled batch.

    **Arguments:**

    - `context`: as in `Label`; `context_known`: whether the network may see it, shape `()`.
    - `optimality`: one-hot level or scaled advantage, shape `(c,)`, or `None`; `optimality_known`: likewise.
    """

    context: PyTree[Array] | None
    context_known: Bool[Array, ""]
    optimality: Float[Array, " c"] | None
    optimality_known: Bool[Array, ""]

    @staticmethod
    def of(context: PyTree[Array] | None, *, known: Any = True) -> "Condition":
        """A condition on the context alone; `known` may be traced."""
        return Condition(context, jnp.asarray(known, dtype=bool), None, jnp.asarray(False))
