"""`call`: a network's output, with randomness for those that draw (dropout) and for no other."""

from collections.abc import Callable
from typing import Any

from jaxtyping import Array, Float, PRNGKeyArray


def call(
    network: Callable[..., Any], x: Float[Array, " in_size"], *, key: PRNGKeyArray | None = None
) -> Float[Array, " out_size"]:
    """`network(x, key=key)` where the network says that it takes one (`takes_key = True`), `network(x)` otherwise.

    A policy passes a key in its loss and none while acting, so that dropout is off there. Networks that draw nothing
    never see the key.
    """
    return network(x, key=key) if getattr(network, "takes_key", False) else network(x)
