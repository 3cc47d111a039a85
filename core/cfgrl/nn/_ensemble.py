"""`Ensemble`: several networks of one shape with separate parameters, evaluated together."""

from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl._network import Network
from cfgrl.nn._product import stacked


class Ensemble(eqx.Module):
    """Heads of a critic. The parameters are stacked, so that all heads are one batched product.

    **Arguments:**

    - `network`: the recipe of each member.
    - `size`: how many there are.
    - `in_size`, `out_size`: widths of their input and output.
    """

    members: Any

    def __init__(self, network: Network, size: int, in_size: int, out_size: int, *, key: PRNGKeyArray):
        keys = jax.random.split(key, size)
        self.members = eqx.filter_vmap(lambda k: network.init(in_size, out_size, key=k))(keys)

    def __call__(self, x: Float[Array, " in_size"]) -> Float[Array, "size out_size"]:
        with stacked():
            return eqx.filter_vmap(lambda member, x: member(x), in_axes=(eqx.if_array(0), None))(self.members, x)
