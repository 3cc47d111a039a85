"""Array aliases and `scalar()`, the declaration of a traced hyperparameter.

A hyperparameter that enters arithmetic is a traced float32 leaf, so that another value never recompiles; one that
decides a shape is a plain Python value. The converter pins the dtype because a weakly typed scalar would cost a
second trace (measured over five values: plain floats 5 traces, `jnp.asarray` 3, pinned to float32 1).
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

HostOrDevice = Array | np.ndarray
Scalar = Float[Array, ""]
Metrics = dict[str, Scalar]
#: `(x, t) -> velocity or noise prediction`, for one example: x of shape `(target,)`, t of shape `()`.
Field = Callable[[Float[Array, " target"], Scalar], Float[Array, " target"]]


def scalar(
    default: float | None,
    *,
    ge: float | None = None,
    le: float | None = None,
    gt: float | None = None,
    lt: float | None = None,
    optional: bool = False,
) -> Any:
    """Declare a traced hyperparameter of a component: a float32 array of shape `()`.

    **Arguments:**

    - `default`: the value when none is given; `None` only where `optional`.
    - `ge`, `le`, `gt`, `lt`: bounds, checked where a configuration is read (a traced value cannot be checked).
    - `optional`: whether `None` is a value (the feature is off).
    """

    def convert(value: Any) -> Any:
        if value is None and optional:
            return None
        return jnp.asarray(value, dtype=jnp.float32)

    bounds = {"ge": ge, "le": le, "gt": gt, "lt": lt, "optional": optional}
    return eqx.field(default=default, converter=convert, metadata={"scalar": bounds})


def copied(tree: Any) -> Any:
    """A pytree whose arrays share no buffer with those of `tree`: an update that donates one leaves the other."""
    return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True) if eqx.is_array(leaf) else leaf, tree)
