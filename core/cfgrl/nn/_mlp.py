"""Multi-layer perceptrons with the initialisation that the papers' JAX code uses.

`MLP` is the component (hyperparameters, chosen in a registry file), `Perceptron` what it builds (parameters).
"""

from collections.abc import Callable
from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from annotated_types import Ge, Len
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl._network import Network
from cfgrl.nn._product import product

#: Activations by the names that registry files use.
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "gelu": jax.nn.gelu,
    "mish": jax.nn.mish,
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
}


class Linear(eqx.Module):
    """y = W x + b, W uniform with variance 2 / (in + out) (Glorot), b zero; equinox's own default differs."""

    weight: Float[Array, "out in"]
    bias: Float[Array, " out"]

    def __init__(self, in_size: int, out_size: int, *, key: PRNGKeyArray):
        initialise = jax.nn.initializers.variance_scaling(1.0, "fan_avg", "uniform", in_axis=-1, out_axis=-2)
        self.weight = initialise(key, (out_size, in_size), jnp.float32)
        self.bias = jnp.zeros((out_size,), jnp.float32)

    def __call__(self, x: Float[Array, " in"]) -> Float[Array, " out"]:
        return product(self.weight, x) + self.bias


class Perceptron(eqx.Module):
    """Linear layers with an activation, and optionally LayerNorm, between them.

    **Arguments:**

    - `in_size`, `hidden`, `out_size`: widths of the input, of each hidden layer, of the output.
    - `activation`: a name from `ACTIVATIONS`.
    - `layer_norm`: `"none"`, `"before"` or `"after"` the activation (ExORL's networks: before, OGBench's: after).
    """

    layers: tuple[Linear, ...]
    norms: tuple[eqx.nn.LayerNorm, ...]
    activation: str = eqx.field(static=True)
    layer_norm: str = eqx.field(static=True)

    def __init__(
        self,
        in_size: int,
        hidden: tuple[int, ...],
        out_size: int,
        *,
        activation: str = "gelu",
        layer_norm: str = "none",
        key: PRNGKeyArray,
    ):
        sizes = (in_size, *hidden, out_size)
        keys = jax.random.split(key, len(sizes) - 1)
        self.layers = tuple(Linear(a, b, key=k) for a, b, k in zip(sizes[:-1], sizes[1:], keys, strict=True))
        self.norms = () if layer_norm == "none" else tuple(eqx.nn.LayerNorm(size) for size in hidden)
        self.activation = activation
        self.layer_norm = layer_norm

    def __call__(self, x: Float[Array, " in_size"]) -> Float[Array, " out_size"]:
        activate = ACTIVATIONS[self.activation]
        for i, layer in enumerate(self.layers[:-1]):
            x = layer(x)
            if self.layer_norm == "before":
                x = self.norms[i](x)
            x = activate(x)
            if self.layer_norm == "after":
                x = self.norms[i](x)
        return self.layers[-1](x)


class MLP(Network):
    """Fully connected layers; defaults as in OGBench and CFGRL (4 × 512, GELU, no normalisation).

    **Arguments:**

    - `hidden`: width of each hidden layer.
    - `activation`: between the layers.
    - `layer_norm`: LayerNorm `before` or `after` each activation, or `none`.
    """

    hidden: Annotated[tuple[Annotated[int, Ge(1)], ...], Len(1)] = (512, 512, 512, 512)
    activation: Literal["gelu", "mish", "relu", "silu", "tanh"] = "gelu"
    layer_norm: Literal["none", "before", "after"] = "none"

    def init(self, in_size: int, out_size: int, *, key: PRNGKeyArray) -> Perceptron:
        return Perceptron(
            in_size, self.hidden, out_size, activation=self.activation, layer_norm=self.layer_norm, key=key
        )
