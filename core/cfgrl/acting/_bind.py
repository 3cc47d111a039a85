"""`bind`: a compiled function with its large arguments taken apart once instead of at every call.

To take an agent and its state apart costs more than a small sampler: `equinox.filter_jit` does it at each call, which
is a third of a millisecond for a few dozen arrays. Code that acts in a loop binds them first.
"""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np


def bind(function: Callable[..., Any], *fixed: Any) -> Callable[..., Any]:
    """`lambda *rest: function(*fixed, *rest)`, compiled.

    **Arguments:**

    - `function`: a function of module level: what was compiled for it is shared by all that bind equal structures.
    - `fixed`: pytrees; their arrays stay arguments of the compiled function, all else is part of it.

    The rest may be arrays of the host or the device, random keys, or `None`, and is passed by position.
    """
    arrays, others = eqx.partition(fixed, lambda leaf: isinstance(leaf, jax.Array | np.ndarray))
    leaves, structure = jax.tree.flatten(arrays)
    statics, static_structure = jax.tree.flatten(others)
    call = _compiled(function, structure, tuple(statics), static_structure)
    return functools.partial(call, [jnp.asarray(leaf) for leaf in leaves])


@functools.lru_cache(maxsize=64)
def _compiled(function: Callable[..., Any], structure: Any, statics: tuple[Any, ...], static_structure: Any) -> Any:
    @jax.jit
    def call(leaves: list[jax.Array], *rest: Any) -> Any:
        others = jax.tree.unflatten(static_structure, statics)
        fixed = eqx.combine(jax.tree.unflatten(structure, leaves), others)
        return function(*fixed, *rest)

    return call
