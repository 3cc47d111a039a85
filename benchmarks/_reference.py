"""Training as one would write it without this library: a Python loop, batches from NumPy, one jitted update.

It is the way of the official CFGRL code: rows, goals and the gather are NumPy's on the host, dropout, noise and times
are drawn inside the update, a batch is copied to the device at each call, and nothing waits for a result in between.
The loss is that of `plain_loop.py`; layers and Adam are as usual, optax's.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import plain_loop

import cfgrl

Parameters = dict[str, Any]


class PlainLoop:
    """Goal-conditioned CFGRL that trains on at each call.

    **Arguments:**

    - `data`: on the host.
    - `hidden`, `batch`: widths of the network's layers, rows of a batch.
    - `updates`: in one call.
    """

    def __init__(self, data: cfgrl.Data, hidden: tuple[int, ...], batch: int, updates: int):
        self._rng, self._batch, self._updates = np.random.default_rng(0), batch, updates
        columns = {name: np.asarray(data.columns[name]) for name in ("observations", "actions", "goals")}
        columns["actions"] = np.clip(columns["actions"], -(1 - 1e-5), 1 - 1e-5)
        self._columns, self._last, self._transitions = columns, np.asarray(data.last), np.asarray(data.transitions)
        widths = [columns[name].shape[1] for name in ("observations", "goals", "actions")]
        self._optimizer, self._key = optax.adam(plain_loop.RATE), jax.random.key(1)
        self._parameters = initial((sum(widths) + 1, *hidden, widths[2]), widths[1], jax.random.key(0))
        self._moments = self._optimizer.init(self._parameters)
        self._update = jax.jit(self._one)

    def __call__(self) -> Any:
        """Make the updates; returns the parameters, on their way."""
        for _ in range(self._updates):
            batch = self.sample()
            self._parameters, self._moments, self._key, _ = self._update(
                self._parameters, self._moments, self._key, batch
            )
        return self._parameters

    def sample(self) -> dict[str, np.ndarray]:
        """Rows at random; goals uniform over the later rows of each one's episode."""
        rows = self._transitions[self._rng.integers(len(self._transitions), size=self._batch)]
        goals = self._rng.integers(rows + 1, self._last[rows] + 1)
        return {
            "observation": self._columns["observations"][rows],
            "action": self._columns["actions"][rows],
            "goal": self._columns["goals"][goals],
        }

    def _one(self, parameters: Parameters, moments: Any, key: Any, batch: Any) -> tuple[Parameters, Any, Any, Any]:
        key, drop_key, noise_key, time_key = jax.random.split(key, 4)
        rows = batch["action"].shape[0]
        drawn = {
            "known": jax.random.bernoulli(drop_key, 1 - plain_loop.DROPOUT, (rows,)),
            "noise": jax.random.normal(noise_key, batch["action"].shape),
            "time": jax.random.uniform(time_key, (rows,)),
        }
        value, gradient = jax.value_and_grad(plain_loop.loss)(parameters, {**batch, **drawn})
        change, moments = self._optimizer.update(gradient, moments, parameters)
        return optax.apply_updates(parameters, change), moments, key, value  # pyright: ignore[reportReturnType]


def initial(sizes: tuple[int, ...], goal: int, key: Any) -> Parameters:
    """Glorot-uniform weights of shape `(out, in)`, biases of zero, and a null in the goal's place."""
    null_key, *keys = jax.random.split(key, len(sizes))
    glorot = jax.nn.initializers.glorot_uniform(in_axis=-1, out_axis=-2)
    layers = [(glorot(k, (b, a)), jnp.zeros(b)) for k, a, b in zip(keys, sizes[:-1], sizes[1:], strict=True)]
    return {"null": jax.random.normal(null_key, (goal,)) / np.sqrt(goal), "layers": layers}
