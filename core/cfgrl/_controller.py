"""`Controller`: the host's state while acting, for evaluation and for users' own loops alike.

Rows stand for environments that run side by side. A row's noise is keyed by its episode and its step in it, so that
neither the number of rows nor their order changes what an episode sees.
"""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, PRNGKeyArray

from cfgrl._act import act_blocks
from cfgrl._errors import ConfigError
from cfgrl._stage import Agent, AgentState


class Controller:
    """Acts for a fixed number of rows; call `reset` for rows that start an episode, then `act` for all of them.

    **Arguments:**

    - `agent`, `state`: what acts. A state that stacks agent seeds acts in equal blocks, one a seed.
    - `rows`: number of rows, divisible by the number of agent seeds.
    - `key`: the root of all noise.
    """

    def __init__(self, agent: Agent, state: AgentState, rows: int, *, key: PRNGKeyArray):
        blocks = state.n_seeds or 1
        if rows < 1 or rows % blocks:
            raise ConfigError(f"A controller of {blocks} agent seeds needs a multiple of {blocks} rows, not {rows}.")
        if state.n_seeds is None:
            state = jax.tree.map(lambda leaf: leaf[None] if eqx.is_array(leaf) else leaf, state)
        self._agent, self._state, self._key = agent, state, key
        self._shape = (blocks, rows // blocks)
        self.rows = rows
        self._episode: Int[np.ndarray, " rows"] = np.arange(rows, dtype=np.uint32)
        self._step: Int[np.ndarray, " rows"] = np.zeros(rows, dtype=np.uint32)

    def reset(self, rows: Sequence[int] | None = None, *, episodes: Sequence[int] | None = None) -> None:
        """Start an episode in `rows` (all of them where not given).

        `episodes` are the numbers that key their noise; rows that are not given one go on to their next number.
        """
        picked = np.arange(self.rows) if rows is None else np.asarray(rows, dtype=np.int64)
        if episodes is None:
            self._episode[picked] += np.uint32(self.rows)
        else:
            self._episode[picked] = np.asarray(episodes, dtype=np.uint32)
        self._step[picked] = 0

    def act(
        self,
        observation: Float[np.ndarray, "rows observation"],
        *,
        goal: Float[np.ndarray, "rows goal"] | None = None,
        weight: Float[np.ndarray, " rows"] | float | None = None,
    ) -> Float[np.ndarray, "rows action"]:
        """One action a row, within [-1, 1], and one step further in each row's episode."""
        # Copies: the device may still read them while the next lines count on.
        noise = tuple(jnp.array(count.reshape(self._shape), copy=True) for count in (self._episode, self._step))
        if weight is not None:
            weight = np.broadcast_to(np.asarray(weight, np.float32), (self.rows,)).reshape(self._shape)
        seen: Any = self._blocks(observation)
        wanted: Any = self._blocks(goal)
        dial: Any = weight
        action = act_blocks(self._agent, self._state, seen, wanted, dial, self._key, noise)
        self._step += np.uint32(1)
        return np.asarray(action).reshape(self.rows, -1)

    def _blocks(self, rows: np.ndarray | None) -> np.ndarray | None:
        if rows is None:
            return None
        rows = np.asarray(rows)
        rows = rows if rows.dtype == np.uint8 else rows.astype(np.float32, copy=False)
        return rows.reshape(*self._shape, *rows.shape[1:])
