"""Several actions in a row as one target."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from cfgrl import ViewedData


def actions(data: ViewedData, index: Int[Array, ""], length: int) -> Float[Array, " target"]:
    """The actions of rows i, i+1, …, i+length−1, one after another; the episode's last one is repeated beyond its end.

    The final row of an episode is an observation only: its last action is that of the row before.
    """
    if length == 1:
        return data.take(index)["actions"]
    ahead = jnp.minimum(index + jnp.arange(length), data.last[index] - 1)
    return jnp.ravel(data.take(ahead)["actions"])
