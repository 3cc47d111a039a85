"""`product`: W x, in the orientation in which the compiler of the processor multiplies fast.

Written plainly, one update of a 4 × 512 network takes a seventh longer on two cores, one of IQL's critics up to six
tenths (benchmarks/NOTES.md has the figures). Values are the same but for the order of rounding. Three things decide:

- The gradient to W of a batch contracts over the batch, the leading axis of both operands, and XLA has no fast kernel
  for that on a processor. A transposed copy of the smaller cost, and then a kernel it has, is quicker.
- Stacked weights, as of an ensemble's heads, leave the batch last where W comes first, and every activation after
  that reads with a stride. A single W comes first, because a sampler's few rows are fastest so.
- A sampler of one row reads weights and little else. Transposed once, before its loop, they are read in their order.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

Precision = Literal["float32", "bfloat16"]

# Contexts of JAX, not variables of Python: what `jit` and `scan` remember of a function they remember for each value.
_stacked = jax.make_user_context(default_value=False)
_one_row = jax.make_user_context(default_value=False)
_precision = jax.make_user_context(default_value="float32")


def stacked() -> AbstractContextManager[None]:
    """In here `product` is traced for weights that a `vmap` gives another axis."""
    return _stacked(True)


def one_row() -> AbstractContextManager[None]:
    """In here `product` is traced for a sampler of a single observation."""
    return _one_row(True)


def precision(name: Precision) -> AbstractContextManager[None]:
    """In here `product` is traced with operands and results of `name`; parameters and all else stay float32."""
    return _precision(name)


def product(weight: Float[Array, "out in"], x: Float[Array, " in"]) -> Float[Array, " out"]:
    """W x for one example; `vmap` over examples outside. Differentiable in both directions."""
    if _precision.value == "bfloat16":
        # The transpose of each conversion is a conversion: the gradients' products are of bfloat16 too.
        return _product(weight.astype(jnp.bfloat16), x.astype(jnp.bfloat16)).astype(x.dtype)
    return _product(weight, x)


def _product(weight: Array, x: Array) -> Array:
    if jax.default_backend() != "cpu" or x.ndim != 1:  # other compilers find their kernels themselves
        return weight @ x
    if _one_row.value and not _stacked.value:
        # Behind the barrier it is a copy, which the compiler moves out of the sampler's loop.
        return x @ jax.lax.optimization_barrier(weight.T)
    return _FAST[_stacked.value](weight, x)


def _weight_first(weight: Array, x: Array) -> Array:
    return weight @ x


def _input_first(weight: Array, x: Array) -> Array:
    return jax.lax.dot_general(x, weight, (((0,), (1,)), ((), ())))


def _differentiable(multiply: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    """`multiply` with a derivative whose transpose is the fast kernel."""

    def tangent(primals: tuple[Any, Any], tangents: tuple[Any, Any]) -> tuple[Array, Array]:
        (weight, x), (weight_dot, x_dot) = primals, tangents
        # In the same orientation as the function: a vmap inside a scan takes that for granted.
        out = multiply(weight, x)
        parts = []
        if not isinstance(weight_dot, SymbolicZero):
            # Transposed, the barrier stands between a cotangent (out, batch) and its product with x, so that the
            # compiler does not undo the transposed copy.
            parts.append(jax.lax.optimization_barrier(weight_dot @ x))
        if not isinstance(x_dot, SymbolicZero):
            parts.append(multiply(weight, x_dot))
        return out, sum(parts[1:], parts[0]) if parts else jnp.zeros_like(out)

    function = jax.custom_jvp(multiply)
    function.defjvp(tangent, symbolic_zeros=True)
    return function


_FAST = {False: _differentiable(_weight_first), True: _differentiable(_input_first)}
