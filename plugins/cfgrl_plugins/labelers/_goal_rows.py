"""From which later row of an episode a goal is taken. Row i starts a transition; e is its episode's final row."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

Row = Int[Array, ""]


def uniform(index: Row, end: Row, *, key: PRNGKeyArray) -> Row:
    """Uniform over {i+1, …, e}."""
    return jax.random.randint(key, (), index + 1, end + 1)


def rounded(index: Row, end: Row, *, key: PRNGKeyArray) -> Row:
    """round(u·(i+1) + (1−u)·(e−1)) with u uniform: half weight for both ends, never the final observation."""
    # Integers plus a float in [0, span]: row numbers beyond 2^24 would not survive float32.
    span = jnp.maximum(end - 1 - (index + 1), 0)
    first = jnp.minimum(index + 1, end - 1)
    return first + jnp.round(jax.random.uniform(key) * span.astype(jnp.float32)).astype(first.dtype)


def geometric(index: Row, end: Row, discount: Float[Array, ""], *, key: PRNGKeyArray) -> Row:
    """min(i + k, e), k = 1, 2, … with probability (1 − γ)·γ^(k−1): the discounted future, cut at the episode's end."""
    # log(1 − u) with u in [0, 1) is finite; the quotient is bounded before it becomes an integer.
    waited = jnp.log1p(-jax.random.uniform(key)) / jnp.log(discount)
    steps = 1 + jnp.floor(jnp.minimum(waited, 1e9)).astype(index.dtype)
    return offset(index, end, jnp.minimum(steps, end - index))


def offset(index: Row, end: Row, steps: Int[Array, ""] | int) -> Row:
    """min(i + k, e)."""
    return jnp.minimum(index + steps, end)
