"""The matrix products of one update: how many operations they are, and the same products with nothing around them.

Their rate is the machine's limit for an update of these shapes: an update does these products and more. A layer
y = W x is one product of a batch forwards, Y = X Wᵀ; a learnt one has two more backwards, dW = dYᵀ X and, except where
X is data, dX = dY W. Each is 2·M·N·K operations.

The same shapes are multiplied at different rates as operands lie in memory, so there are two limits: operands as the
network has them (X and dY by rows of the batch, W of shape `(out, in)`), and operands as the machine likes them, each
product a plain `(M, K) @ (K, N)` whose transposed operands were laid out before.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import cfgrl


class Pass(NamedTuple):
    """A batch through a network.

    **Arguments:**

    - `shapes`: `(out, in)` of each layer.
    - `batch`: rows.
    - `learnt`: whether its gradient is taken.
    - `times`: how many networks of these shapes are passed.
    """

    shapes: tuple[tuple[int, int], ...]
    batch: int
    learnt: bool
    times: int = 1


def passes(agent: cfgrl.Agent, state: cfgrl.AgentState) -> list[Pass]:
    """What one update of a goal-conditioned or an IQL agent evaluates; `state` is of a single seed.

    For IQL beside the policy: Q and V, learnt; the target heads on the batch and V of the next observation, for their
    losses; Q and V once more, for the label's advantage. (Products with the embedded optimality, of 2 × 32, are left
    out, as is the gradient to the learnt null that is part of the first layer's input.)
    """
    stage, batch = state.stages[0], agent.batch_size
    found = [Pass(_shapes(stage.net.velocity), batch, learnt=True)]
    if stage.labeler is None:
        return found
    heads: Any = agent.stages[0].labeler
    q, v = _shapes(stage.labeler.online.q.net.members), _shapes(stage.labeler.online.v.net)
    learnt = [Pass(q, batch, True, heads.heads), Pass(v, batch, True)]
    losses = [Pass(q, batch, False, heads.heads), Pass(v, batch, False)]
    advantage = [Pass(q, batch, False, heads.heads), Pass(v, batch, False)]
    return [*found, *learnt, *losses, *advantage]


def _shapes(network: Any) -> tuple[tuple[int, int], ...]:
    return tuple(layer.weight.shape[-2:] for layer in network.layers)


def flops(passes: Sequence[Pass]) -> int:
    """Operations in the products of all passes."""
    return sum(
        2 * p.batch * out * size * _kinds(p, layer) * p.times for p in passes for layer, (out, size) in _layers(p)
    )


def _layers(p: Pass) -> Iterator[tuple[int, tuple[int, int]]]:
    return enumerate(p.shapes)


def _kinds(p: Pass, layer: int) -> int:
    """Products of a layer: forwards; to the weights; to the inputs, except of the first layer."""
    return 1 + p.learnt + (p.learnt and layer > 0)


def products(passes: Sequence[Pass], repeats: int, *, plain: bool = False) -> Callable[[], Any]:
    """A compiled function of all products, none of which waits for another, `repeats` times over; with `plain` each as
    `(M, K) @ (K, N)`.
    """
    pairs = _operands(passes, plain)

    def multiply(operands: Any) -> list[jax.Array]:
        along = [(((1,), (0,)), ((), ())) if plain else kind for _, kind in pairs]
        return [jax.lax.dot_general(a, b, kind) for (a, b), kind in zip(operands, along, strict=True)]

    @jax.jit
    def repeated(operands: Any) -> Any:
        def body(carry: Any, _: None) -> tuple[Any, None]:
            # Tied to the count, or the compiler would see that nothing changes and compute everything once.
            now, count = jax.lax.optimization_barrier((operands, carry[0]))
            return (count + 1, multiply(now)), None

        shapes = jax.eval_shape(multiply, operands)
        empty = [jnp.zeros(shape.shape, shape.dtype) for shape in shapes]
        return jax.lax.scan(body, (jnp.int32(0), empty), None, length=repeats)[0]

    operands = [pair for pair, _ in pairs]
    return lambda: repeated(operands)


def _operands(passes: Sequence[Pass], plain: bool) -> list[tuple[tuple[jax.Array, jax.Array], Any]]:
    """Both operands of every product, and which of their axes it sums over."""
    rng, found = np.random.default_rng(0), []
    for p in passes:
        for layer, (out, size) in [*_layers(p)] * p.times:
            x, w, dy = (rng.standard_normal(s, np.float32) for s in ((p.batch, size), (out, size), (p.batch, out)))
            written = [((x, w), (1, 1)), ((dy, x), (0, 0)), ((dy, w), (1, 0))]
            for (a, b), (i, j) in written[: _kinds(p, layer)]:
                pair = (a if i else a.T.copy(), b.T.copy() if j else b) if plain else (a, b)
                found.append((jax.device_put(pair), (((i,), (j,)), ((), ()))))
    return found
