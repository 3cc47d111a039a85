"""`ConditionEncoder`: a condition as one flat vector, with a learned vector in place of each part that is nulled."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl._label import Condition


class ConditionEncoder(eqx.Module):
    """Concatenates context and optimality; the learned nulls are parameters of the policy's network.

    The nulls are drawn from N(0, 1/size), as the embedding in CFGRL's official code is.
    """

    null_context: Float[Array, " context"] | None
    null_optimality: Float[Array, " optimality"] | None

    def __init__(self, condition: Condition, *, key: PRNGKeyArray):
        context_key, optimality_key = jax.random.split(key)
        self.null_context = _null(condition.context, context_key)
        self.null_optimality = _null(condition.optimality, optimality_key)

    @property
    def size(self) -> int:
        """Length of the encoded vector."""
        return sum(null.shape[0] for null in (self.null_context, self.null_optimality) if null is not None)

    def __call__(self, condition: Condition) -> Float[Array, " size"]:
        parts = []
        if self.null_context is not None:
            parts.append(jnp.where(condition.context_known, _flatten(condition.context), self.null_context))
        if self.null_optimality is not None:
            parts.append(jnp.where(condition.optimality_known, _flatten(condition.optimality), self.null_optimality))
        return jnp.concatenate(parts) if parts else jnp.zeros((0,))


def _flatten(tree: Any) -> Float[Array, " size"]:
    return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def _null(tree: Any, key: PRNGKeyArray) -> Float[Array, " size"] | None:
    size = sum(leaf.size for leaf in jax.tree.leaves(tree))
    return jax.random.normal(key, (size,)) / jnp.sqrt(size) if size else None
