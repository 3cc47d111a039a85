"""A network's prediction as a field: a pytree, so that guidance can evaluate several on one batch."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl import Field
from cfgrl.nn import TimeEmbedding, call


def prediction(network: Any, time: TimeEmbedding, seen: Float[Array, " seen"], key: PRNGKeyArray | None) -> Field:
    """The field `(x, t) -> network([seen, x, time(t)])`; `seen` is what was read of observation and condition."""
    return eqx.Partial(_predict, network, time, seen, key)


def _predict(
    network: Any,
    time: TimeEmbedding,
    seen: Float[Array, " seen"],
    key: PRNGKeyArray | None,
    x: Float[Array, " target"],
    t: Float[Array, ""],
) -> Float[Array, " target"]:
    return call(network, jnp.concatenate([seen, x, time(t)]), key=key)
