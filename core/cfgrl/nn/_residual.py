"""A residual multi-layer perceptron with LayerNorm and dropout, as IDQL's diffusion policy uses it."""

from typing import Annotated, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from annotated_types import Ge, Lt
from jaxtyping import Array, Float, PRNGKeyArray

from cfgrl._network import Network
from cfgrl.nn._mlp import ACTIVATIONS, Linear


class _Block(eqx.Module):
    norm: eqx.nn.LayerNorm
    widen: Linear
    narrow: Linear

    def __init__(self, width: int, *, key: PRNGKeyArray):
        first, second = jax.random.split(key)
        self.norm = eqx.nn.LayerNorm(width)
        self.widen = Linear(width, 4 * width, key=first)
        self.narrow = Linear(4 * width, width, key=second)


class ResidualPerceptron(eqx.Module):
    """Linear, then blocks x + Linear(act(Linear(LayerNorm(dropout(x))))), then act and Linear.

    **Arguments:**

    - `in_size`, `width`, `out_size`: of the input, of the residual stream, of the output; blocks are 4·width inside.
    - `blocks`: how many; `activation`: a name from `ACTIVATIONS`.
    - `dropout`: probability of zeroing a component at the entrance of a block, the others being scaled by
      1/(1 - dropout), where a key is given.
    """

    first: Linear
    blocks: tuple[_Block, ...]
    last: Linear
    activation: str = eqx.field(static=True)
    # Static: an array here would be a parameter, and be trained.
    dropout: float = eqx.field(static=True)

    takes_key: ClassVar[bool] = True

    def __init__(
        self,
        in_size: int,
        width: int,
        out_size: int,
        *,
        blocks: int,
        activation: str,
        dropout: float,
        key: PRNGKeyArray,
    ):
        first, last, *keys = jax.random.split(key, blocks + 2)
        self.first = Linear(in_size, width, key=first)
        self.blocks = tuple(_Block(width, key=k) for k in keys)
        self.last = Linear(width, out_size, key=last)
        self.activation = activation
        self.dropout = dropout

    def __call__(self, x: Float[Array, " in_size"], *, key: PRNGKeyArray | None = None) -> Float[Array, " out_size"]:
        activate = ACTIVATIONS[self.activation]
        x = self.first(x)
        for number, block in enumerate(self.blocks):
            kept = x if key is None else _drop(x, self.dropout, jax.random.fold_in(key, number))
            x = x + block.narrow(activate(block.widen(block.norm(kept))))
        return self.last(activate(x))


def _drop(x: Float[Array, " width"], rate: float, key: PRNGKeyArray) -> Float[Array, " width"]:
    return jnp.where(jax.random.bernoulli(key, 1.0 - rate, x.shape), x / (1.0 - rate), 0.0)


class ResidualMLP(Network):
    """Residual blocks with LayerNorm and dropout; dropout is on in losses and off while acting.

    **Arguments:**

    - `width`: of the residual stream; each block is four times as wide inside.
    - `blocks`: number of residual blocks.
    - `activation`: inside the blocks and before the output.
    - `dropout`: probability of zeroing a component at the entrance of a block.

    Source: IDQL (arXiv 2304.10573), as its code builds it.
    """

    width: Annotated[int, Ge(1)] = 256
    blocks: Annotated[int, Ge(1)] = 3
    activation: Literal["gelu", "mish", "relu", "silu", "tanh"] = "mish"
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.1

    def init(self, in_size: int, out_size: int, *, key: PRNGKeyArray) -> ResidualPerceptron:
        return ResidualPerceptron(
            in_size,
            self.width,
            out_size,
            blocks=self.blocks,
            activation=self.activation,
            dropout=float(self.dropout),
            key=key,
        )
