"""`Reader` and `Input`: observations and conditions as one flat input vector."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl._label import Condition
from cfgrl._network import Network
from cfgrl.nn._condition import ConditionEncoder


class Reader(eqx.Module):
    """An observation as one flat vector: through the network's encoder where it has one, as it is elsewhere.

    **Arguments:**

    - `network`: the recipe of the network that will read it.
    - `observation`: an observation, or its shape.
    - `key`: random key.
    """

    encode: Any
    size: int = eqx.field(static=True)

    def __init__(self, network: Network, observation: Any, *, key: PRNGKeyArray):
        self.encode = network.encoder(observation.shape, key=key)
        seen = observation if self.encode is None else eqx.filter_eval_shape(self.encode, observation)
        self.size = seen.size

    def __call__(self, observation: Float[Array, "..."]) -> Float[Array, " size"]:
        return jnp.ravel(observation if self.encode is None else self.encode(observation))


class Input(eqx.Module):
    """Observation and condition as one flat vector: what every policy's network reads first.

    **Arguments:**

    - `network`: the recipe of the network that will read it.
    - `observation`, `condition`: what will be read, or its shapes.
    - `key`: random key.
    """

    observation: Reader
    condition: ConditionEncoder

    def __init__(self, network: Network, observation: Any, condition: Condition, *, key: PRNGKeyArray):
        self.observation = Reader(network, observation, key=jax.random.fold_in(key, 1))
        self.condition = ConditionEncoder(condition, key=key)

    @property
    def size(self) -> int:
        """Length of the vector."""
        return self.observation.size + self.condition.size

    def __call__(self, observation: Float[Array, "..."], condition: Condition) -> Float[Array, " size"]:
        return jnp.concatenate([self.observation(observation), self.condition(condition)])
