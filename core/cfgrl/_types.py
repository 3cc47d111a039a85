"""Array aliases, `scalar()`, the declaration of a traced hyperparameter, and `Checked`, which holds what is declared.

A hyperparameter that enters arithmetic is a traced float32 leaf, so that another value never recompiles; one that
decides a shape is a plain Python value. The converter pins the dtype because a weakly typed scalar would cost a
second trace (measured over five values: plain floats 5 traces, `jnp.asarray` 3, pinned to float32 1).
"""

import typing
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from cfgrl._values import check_fields

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
    - `ge`, `le`, `gt`, `lt`: bounds, checked when a `Checked` module is made and when a configuration is read.
    - `optional`: whether `None` is a value (the feature is off).
    """

    def convert(value: Any) -> Any:
        if value is None or isinstance(value, bool | str):
            return value  # which `Checked` accepts or refuses, by name
        return jnp.asarray(value, dtype=jnp.float32)

    bounds = {"ge": ge, "le": le, "gt": gt, "lt": lt, "optional": optional}
    return eqx.field(default=default, converter=convert, metadata={"scalar": bounds})


def copied(tree: Any) -> Any:
    """A pytree whose arrays share no buffer with those of `tree`: an update that donates one leaves the other."""
    return jax.tree.map(lambda leaf: jnp.array(leaf, copy=True) if eqx.is_array(leaf) else leaf, tree)


class Checked(eqx.Module):
    """Base of everything whose fields declare bounds, choices and types: they hold when it is made.

        IQL(expectile=1.7)            # ConfigError: IQL: expectile must be less than 1, not 1.7.
        FlowMatching(solver="rk4")    # ConfigError: FlowMatching: solver must be 'euler' or 'heun', not 'rk4'.

    Bounds are declared by `scalar(0.9, gt=0.0, lt=1.0)`, `Annotated[int, Ge(1)]` and `Literal["euler", "heun"]`. Traced
    and abstract values have no number to check.
    """

    #: A field annotated with a subclass takes components of it.
    is_component: typing.ClassVar[bool] = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # Equinox runs the checks of subclasses first; they may rely on the fields being what they were declared to be.
        super().__init_subclass__(**kwargs)
        own = vars(cls).get("__check_init__")
        if own is not None:

            def check_both(self: Any) -> None:
                check_fields(self)
                own(self)

            cls.__check_init__ = check_both

    def __check_init__(self) -> None:
        check_fields(self)
