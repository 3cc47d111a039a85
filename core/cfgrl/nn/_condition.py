"""`ConditionEncoder`: a condition as one flat vector, with a learned vector in place of each part that is nulled."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl._label import Condition


class ConditionEncoder(eqx.Module):
    """Concatenates the context as it is and the optimality embedded; what is nulled is replaced by a learned vector.

    The optimality, of shape `(c,)`, is multiplied by a learned matrix of shape `(c, embedding)`: a one-hot level picks
    its row, a scaled advantage scales it. All learned vectors are drawn from N(0, 1/size), as embeddings are in CFGRL's
    official code, and are parameters of the policy's network.

    **Arguments:**

    - `condition`: shapes of what will be encoded.
    - `embedding`: size of the embedded optimality (32 in the paper).
    - `key`: random key.
    """

    null_context: Float[Array, " context"] | None
    null_optimality: Float[Array, " embedding"] | None
    optimality: Float[Array, "c embedding"] | None

    def __init__(self, condition: Condition, *, embedding: int = 32, key: PRNGKeyArray):
        context_key, optimality_key = jax.random.split(key)
        size = sum(leaf.size for leaf in jax.tree.leaves(condition.context))
        self.null_context = _normal((size,), context_key) if size else None
        self.null_optimality = self.optimality = None
        if condition.optimality is not None:
            null_key, matrix_key = jax.random.split(optimality_key)
            self.null_optimality = _normal((embedding,), null_key)
            self.optimality = _normal((condition.optimality.size, embedding), matrix_key)

    @property
    def size(self) -> int:
        """Length of the encoded vector."""
        return sum(null.shape[0] for null in (self.null_context, self.null_optimality) if null is not None)

    def __call__(self, condition: Condition) -> Float[Array, " size"]:
        parts = []
        if self.null_context is not None:
            parts.append(jnp.where(condition.context_known, _flatten(condition.context), self.null_context))
        if self.optimality is not None and self.null_optimality is not None:
            assert condition.optimality is not None, "the encoder was made for an optimality"
            embedded = condition.optimality @ self.optimality
            parts.append(jnp.where(condition.optimality_known, embedded, self.null_optimality))
        return jnp.concatenate(parts) if parts else jnp.zeros((0,))


def _flatten(tree: Any) -> Float[Array, " size"]:
    return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def _normal(shape: tuple[int, ...], key: PRNGKeyArray) -> Float[Array, "*shape"]:
    return jax.random.normal(key, shape) / jnp.sqrt(shape[-1])
